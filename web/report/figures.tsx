/**
 * Images as the paper's Figure 3 shows them: the image, its labels, and what each network says. The class
 * under the pointer is named in all pictures of a row at once.
 */
import { useState } from "preact/hooks";
import type { ClassGroup, Picture, Pictures, ReportRun } from "../../report/report_data.ts";
import { ClassMark } from "../class_mark.tsx";
import { LabelMap, useInflated } from "../label_map.tsx";
import type { ClassStyle } from "../palette.ts";
import { Name, visible, withSign } from "../text.tsx";

/** The run whose images are shown; with several runs side by side, `run` holds only the images. */
interface Props {
  readonly run: Pick<ReportRun, "pictures" | "withoutPictures">;
  readonly group: ClassGroup;
  readonly styles: readonly ClassStyle[];
}

/** The best and the worst images, or why there are none. */
export function Figures({ run: { pictures, withoutPictures }, group, styles }: Props) {
  const [mistakes, setMistakes] = useState(false);
  if (!pictures) {
    return (
      <p class="empty">
        No images: <Name>{withoutPictures ?? "none were asked for"}</Name>
      </p>
    );
  }
  const rows = (title: string, some: readonly Picture[]) =>
    some.length > 0 && (
      <>
        <h4>{title}</h4>
        {some.map((picture) => (
          <Row key={picture.id} {...{ picture, pictures, classes: group.classes, styles, mistakes }} />
        ))}
      </>
    );
  return (
    <>
      <p class="note">
        Of {pictures.of} {pictures.of === 1 ? "image" : "images"} of the val split, by the mIoU of{" "}
        <Name>{pictures.networks.at(-1)!}</Name>{" "}
        over the classes that its labels or the prediction hold. Point at a picture to read its classes.
      </p>
      <label>
        <input type="checkbox" checked={mistakes} onChange={() => setMistakes(!mistakes)} /> Mistakes only
      </label>
      {rows("Best", pictures.best)}
      {rows("Worst", pictures.worst)}
      <ul class="classes" aria-label="Classes">
        {group.classes.map((name, id) => (
          <li key={name}>
            {styles[id] && <ClassMark style={styles[id]} />}
            <Name>{name}</Name>
          </li>
        ))}
      </ul>
    </>
  );
}

/** One image. */
interface RowProps {
  readonly picture: Picture;
  readonly pictures: Pictures;
  readonly classes: readonly string[];
  readonly styles: readonly ClassStyle[];
  /** Whether predictions show only what they have wrong. */
  readonly mistakes: boolean;
}

/** One image with its labels and predictions. What is damaged is left out. */
function Row({ picture, pictures: { networks }, classes, styles, mistakes }: RowProps) {
  const [pixel, setPixel] = useState<number | undefined>();
  const { id, width, height, original, truth, predictions, miou } = picture;
  const true_ = useInflated(truth, width * height);
  const truthPlane = true_ ? { width, height, ids: true_ } : undefined;
  const named = (ids: Uint8Array | null | undefined) =>
    pixel === undefined || !ids ? "" : classes[ids[pixel]!] ?? "no label";
  return (
    <figure class="figure">
      <figcaption>
        <Name>{id}</Name>
      </figcaption>
      <div class="pictures">
        <div>
          <img src={original} width={width} height={height} alt={`${visible(id)}, the image`} />
          <p>image</p>
        </div>
        <div>
          {truthPlane && (
            <LabelMap
              plane={truthPlane}
              styles={styles}
              label={`${visible(id)}, its labels`}
              onPoint={setPixel}
            />
          )}
          <p>
            truth <Name>{named(true_)}</Name>
          </p>
        </div>
        {networks.map((name, k) => (
          <Prediction
            key={name}
            {...{
              name,
              width,
              height,
              styles,
              miou: miou[k] ?? null,
              base64: predictions[k]!,
              named,
              setPixel,
            }}
            label={`${visible(id)}, labelled by ${visible(name)}: mIoU ${withSign(miou[k] ?? null)}`}
            against={mistakes ? truthPlane : undefined}
          />
        ))}
      </div>
    </figure>
  );
}

/** One prediction. */
interface PredictionProps {
  readonly name: string;
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Train ids, compressed; see {@linkcode useInflated}. */
  readonly base64: string;
  /** In [0, 1], of this image alone; null when none of its pixels is labelled. */
  readonly miou: number | null;
  readonly styles: readonly ClassStyle[];
  /** The labels to compare with; undefined: all of the prediction is shown. */
  readonly against: { readonly width: number; readonly height: number; readonly ids: Uint8Array } | undefined;
  /** The class at the pixel under the pointer; empty where there is none. */
  readonly named: (ids: Uint8Array | null | undefined) => string;
  readonly setPixel: (pixel: number | undefined) => void;
}

/** What one network says of an image; with `against`, its mistakes only. */
function Prediction(props: PredictionProps) {
  const { name, label, width, height, base64, miou, styles, against, named, setPixel } = props;
  const ids = useInflated(base64, width * height);
  return (
    <div>
      {ids && (
        <LabelMap
          plane={{ width, height, ids }}
          styles={styles}
          label={label}
          mistakesAgainst={against}
          onPoint={setPixel}
        />
      )}
      <p>
        <Name>{name}</Name> {withSign(miou)} <Name>{named(ids)}</Name>
      </p>
    </div>
  );
}
