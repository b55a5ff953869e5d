/** Parts of the page that labels pictures. */
import { ClassMark } from "../class_mark.tsx";
import { withSign } from "../text.tsx";
import { sharesOf, type Shown } from "./picture.ts";
import type { Labels } from "./runtime.ts";
import type { LabelPageData, PageSample } from "../../export/label_page_data.ts";

/** Small pictures to choose from; keys 1 to 9 choose the first nine. */
export function Samples(
  { samples, onChoose }: { readonly samples: readonly PageSample[]; readonly onChoose: (k: number) => void },
) {
  return (
    <div class="samples">
      {samples.map(({ name, file }, k) => (
        <button
          key={file}
          type="button"
          onClick={() => onChoose(k)}
          title={`Key ${k + 1}`}
        >
          <img src={file} alt={name} />
        </button>
      ))}
    </div>
  );
}

/** What {@linkcode Controls} shows and changes. */
export interface ControlsProps {
  readonly data: LabelPageData;
  readonly shown: Shown;
  setShown(shown: Shown): void;
  readonly opacity: number;
  setOpacity(opacity: number): void;
  readonly split: number;
  setSplit(split: number): void;
}

/** What may be shown, and its name. */
const SHOWN = [["labels", "Labels"], ["confidence", "Confidence"], ["picture", "Picture"]] as const;

/** The line between two networks, what is shown, and how strong the colours are. */
export function Controls({ data, shown, setShown, opacity, setOpacity, split, setSplit }: ControlsProps) {
  const [left, right] = data.networks;
  const slider = (value: number, set: (value: number) => void, label: string) => (
    <input
      type="range"
      min="0"
      max="100"
      value={Math.round(100 * value)}
      aria-label={label}
      onInput={({ currentTarget }) => set(Number(currentTarget.value) / 100)}
    />
  );
  return (
    <div class="controls">
      {right && (
        <label>
          <span>{left!.name}</span>
          {slider(split, setSplit, `Line between ${left!.name} and ${right.name}`)}
          <span>{right.name}</span>
        </label>
      )}
      <fieldset>
        <legend>Show</legend>
        {SHOWN.map(([value, name]) => (
          <label key={value}>
            <input type="radio" name="shown" checked={shown === value} onChange={() => setShown(value)} />
            {name}
          </label>
        ))}
      </fieldset>
      {shown === "labels" && (
        <label>
          <span>Colours</span>
          {slider(opacity, setOpacity, "Opacity of the colours")}
        </label>
      )}
      <p class="note wide">
        Keys: arrows move the line, l labels, f confidence, p picture, c camera, o opens a picture, 1 to 9
        samples.
      </p>
    </div>
  );
}

/**
 * The classes with their colours and the share of the picture that each network gives them. Classes that no
 * network found are set back.
 */
export function Legend(
  { data, labels }: { readonly data: LabelPageData; readonly labels: readonly Labels[] },
) {
  const shares = labels.map((one) => sharesOf(one, data.classes.length));
  return (
    <table class="shares">
      <thead>
        <tr>
          <th scope="col">Class</th>
          {data.networks.map(({ name }) => <th key={name} scope="col">{name}</th>)}
        </tr>
      </thead>
      <tbody>
        {data.classes.map(({ name, colour }, id) => (
          <tr
            key={name}
            class={shares.some((one) => one[id]! > 0) ? "" : "absent"}
          >
            <th scope="row">
              <ClassMark style={{ colour, pattern: "plain" }} /> {name}
            </th>
            {shares.map((one, k) => <td key={data.networks[k]!.name}>{withSign(one[id]!)}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
