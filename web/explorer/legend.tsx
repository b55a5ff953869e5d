/**
 * What the colours of an overlay mean: a scale with its ends, cases with how many pixels they have, or the
 * classes that occur.
 */
import { ClassMark } from "../class_mark.tsx";
import type { ClassStyle } from "../palette.ts";
import { Name } from "../text.tsx";
import { heat } from "./heat.ts";
import type { HeatLayer, Layer } from "./layers.ts";
import { type ClassNames, digits } from "./words.ts";

/** What {@linkcode Legend} explains. */
export interface LegendProps {
  readonly layer: Layer;
  readonly names: ClassNames;
  readonly styles: readonly ClassStyle[];
  /** Of a heat map: how its values are written; three digits when absent. */
  readonly format?: ((value: number) => string) | undefined;
}

/** A scale, or colours with their names. */
export function Legend({ layer, names, styles, format = digits }: LegendProps) {
  switch (layer?.kind) {
    case "heat":
      return <Scale layer={layer} format={format} />;
    case "kinds":
      return (
        <ul class="marks">
          {layer.kinds.map(({ name, cell }) => (
            <li key={name}>
              <ClassMark style={cell} />
              {name} ({layer.of.filter((own) => layer.kinds[own]?.name === name).length})
            </li>
          ))}
        </ul>
      );
    case "classes": {
      const present = new Set(layer.ids);
      return (
        <ul class="marks">
          {names.classes.map((name, id) =>
            present.has(id) && (
              <li key={id}>
                <ClassMark style={styles[id]!} />
                <Name>{name}</Name>
              </li>
            )
          )}
          {present.has(names.ignore) && <li>clear: no label</li>}
        </ul>
      );
    }
    default:
      return <p class="note">The image alone.</p>;
  }
}

/** Colours that the drawn scale is interpolated from. */
const STOPS = 16;

/** The scale of a heat layer with the values of its ends. */
function Scale({ layer: { low, high }, format }: { layer: HeatLayer; format: (value: number) => string }) {
  const colours = Array.from({ length: STOPS }, (_, k) => `rgb(${heat(k / (STOPS - 1)).join(" ")})`);
  return (
    <p class="scale">
      <span>{format(low)}</span>
      <span
        class="ramp"
        role="img"
        aria-label={`dark is ${format(low)}, bright is ${format(high)}`}
        style={{ backgroundImage: `linear-gradient(90deg, ${colours.join(", ")})` }}
      />
      <span>{format(high)}</span>
    </p>
  );
}
