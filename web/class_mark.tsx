/** A class's colour and pattern beside its name. */
import type { ClassStyle } from "./palette.ts";

/** A small square in the colour and pattern of a class. */
export function ClassMark({ style: { colour, pattern } }: { readonly style: ClassStyle }) {
  const fill = `rgb(${colour.join(" ")})`;
  const ink = inkOn(colour);
  return (
    <svg class="mark" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
      <rect x="0.5" y="0.5" width="13" height="13" rx="2" fill={fill} stroke="var(--muted)" />
      {pattern === "lines" && <path d="M1 9 9 1M5 13 13 5" stroke={ink} stroke-width="1.6" />}
      {pattern === "dots" &&
        [4, 10].map((x) => [4, 10].map((y) => <circle key={`${x} ${y}`} cx={x} cy={y} r="1.5" fill={ink} />))}
    </svg>
  );
}

/** The colour of text and patterns on a background: black or white, by the background's luma (Rec. 601). */
export function inkOn([red, green, blue]: readonly [number, number, number]): string {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}
