/**
 * An image with what lies over it, and a cursor that moves from pixel to pixel of the level. The overlay is a
 * canvas of {@linkcode CELL} pixels a level pixel that the browser stretches over the image; pins are
 * elements on top. It is an `application` to screen readers, whose arrow keys would otherwise never reach the
 * page.
 */
import { useEffect, useRef } from "preact/hooks";
import type { LevelSide } from "../../explore/types.ts";
import { inkOn } from "../class_mark.tsx";
import type { ClassStyle } from "../palette.ts";
import { visible } from "../text.tsx";
import { cellAt, type Layer } from "./layers.ts";

/** A marked pixel. */
export interface Pin {
  /** Of the level, row by row. */
  readonly pixel: number;
  /** One sign, such as the number of a step of the cycle. */
  readonly sign: string;
  /** The look of its frame; each occurs once at most. */
  readonly look: "start" | "chosen" | "return" | "cursor";
}

/** What {@linkcode Grid} shows. */
export interface GridProps {
  readonly name: string;
  /** The address of the image. */
  readonly image: string;
  readonly side: LevelSide;
  readonly layer: Layer;
  readonly styles: readonly ClassStyle[];
  /** In 0..1. */
  readonly opacity: number;
  readonly pins: readonly Pin[];
  /** Where the arrow keys go on from. */
  readonly at: number;
  readonly onMove: (pixel: number) => void;
  /** Under the pointer; undefined: it has left. */
  readonly onHover?: (pixel: number | undefined) => void;
  /** Other keys; true: it was one of those that mean something. */
  readonly onKey?: (key: string) => boolean;
  /** The id of the element that says what the keys do. */
  readonly help: string;
}

/** Canvas pixels along each side of a level's pixel: enough for patterns. */
const CELL = 8;

/**
 * The image with its overlay. Arrow keys, Home, End, Page Up and Page Down move the cursor; a click puts it.
 */
export function Grid(props: GridProps) {
  const { name, image, side, layer, styles, opacity, pins, at, onMove, onHover, onKey, help } = props;
  const { height, width } = side;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(canvas.current!, { side, layer, styles }), [side, layer, styles]);

  const pixelAt = (event: PointerEvent | MouseEvent): number => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const along = (place: number, start: number, length: number, count: number) =>
      Math.min(count - 1, Math.max(0, Math.floor((place - start) / length * count)));
    return along(event.clientY, box.top, box.height, height) * width +
      along(event.clientX, box.left, box.width, width);
  };
  const keyed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const next = moved(at, event, side);
    if (next === undefined && !onKey?.(event.key)) return;
    event.preventDefault();
    if (next !== undefined) onMove(next);
  };
  return (
    <div
      class="pixels"
      tabIndex={0}
      role="application"
      aria-roledescription="image"
      aria-label={name}
      aria-describedby={help}
      onKeyDown={keyed}
      onClick={(event) => onMove(pixelAt(event))}
      onPointerMove={(event) => onHover?.(pixelAt(event))}
      onPointerLeave={() => onHover?.(undefined)}
    >
      <img src={image} alt="" width={side.imageWidth} height={side.imageHeight} draggable={false} />
      <canvas
        ref={canvas}
        width={CELL * width}
        height={CELL * height}
        style={{ opacity: String(opacity) }}
        aria-hidden="true"
      />
      {pins.map(({ pixel, sign, look }) => (
        <span
          key={look}
          class={`pin ${look} ${edges(pixel, side)}`}
          aria-hidden="true"
          style={{
            left: `${100 * (pixel % width) / width}%`,
            top: `${100 * Math.floor(pixel / width) / height}%`,
            width: `${100 / width}%`,
            height: `${100 / height}%`,
          }}
        >
          <b>{visible(sign)}</b>
        </span>
      ))}
    </div>
  );
}

/** Classes of the style sheet that move a pin's sign inwards where it would be cut off. */
function edges(pixel: number, { height, width }: LevelSide): string {
  const [down, right] = [Math.floor(pixel / width) / height, pixel % width / width];
  return [
    down < 0.12 ? "top" : down > 0.85 ? "bottom" : "",
    right < 0.04 ? "left" : right > 0.93 ? "right" : "",
  ].join(" ");
}

/**
 * The pixel that a key leads to, inside the image; with Shift five steps at a time. @returns undefined for
 * other keys
 */
function moved(
  at: number,
  { key, shiftKey }: KeyboardEvent,
  { height, width }: LevelSide,
): number | undefined {
  const [row, column] = [Math.floor(at / width), at % width];
  const step = shiftKey ? 5 : 1;
  const to = (nextRow: number, nextColumn: number) =>
    Math.min(height - 1, Math.max(0, nextRow)) * width + Math.min(width - 1, Math.max(0, nextColumn));
  switch (key) {
    case "ArrowUp":
      return to(row - step, column);
    case "ArrowDown":
      return to(row + step, column);
    case "ArrowLeft":
      return to(row, column - step);
    case "ArrowRight":
      return to(row, column + step);
    case "Home":
      return to(row, 0);
    case "End":
      return to(row, width - 1);
    case "PageUp":
      return to(0, column);
    case "PageDown":
      return to(height - 1, column);
    default:
      return undefined;
  }
}

/** Draws the layer, each pixel of the level as a square with its pattern. */
function paint(
  canvas: HTMLCanvasElement,
  { side: { height, width }, layer, styles }: Pick<GridProps, "side" | "layer" | "styles">,
): void {
  const pen = canvas.getContext("2d")!;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const cell = cellAt(layer, pixel, styles);
    if (!cell) continue;
    const [x, y] = [CELL * (pixel % width), CELL * Math.floor(pixel / width)];
    pen.fillStyle = `rgb(${cell.colour.join(" ")})`;
    pen.fillRect(x, y, CELL, CELL);
    if (cell.pattern === "plain") continue;
    pen.fillStyle = inkOn(cell.colour);
    for (let k = 0; k < CELL; k++) {
      if (cell.pattern === "lines") pen.fillRect(x + k, y + CELL - 1 - k, 1, 1);
      else if (k % 4 === 1) pen.fillRect(x + k, y + k, 2, 2);
    }
  }
}
