/** Keys of both images beside those that move. */
import type { Choice, TargetOverlay } from "./choice.ts";
import type { Option } from "./controls.tsx";

/** What the keys change. */
export interface KeyTargets {
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  readonly levels: number;
  /** What may lie over the target. */
  readonly overlays: readonly Option[];
}

/** Does what a key means; false: it means nothing. */
export function keysOf({ choice, choose, levels, overlays }: KeyTargets): (key: string) => boolean {
  const values = overlays.map(({ value }) => value as TargetOverlay);
  return (key) => {
    switch (key) {
      case "l":
        choose({ level: (choice.level + 1) % levels });
        return true;
      case "o":
        choose({ targetOverlay: values[(values.indexOf(choice.targetOverlay) + 1) % values.length]! });
        return true;
      case "+":
        choose({ opacity: Math.min(100, choice.opacity + 10) });
        return true;
      case "-":
        choose({ opacity: Math.max(0, choice.opacity - 10) });
        return true;
      default:
        return false;
    }
  };
}

/** Heads what the keys do; the same text is read to who comes to an image with a screen reader. */
export function Keys({ id }: { readonly id: string }) {
  return (
    <details>
      <summary>Keys, while an image has the focus</summary>
      <dl class="keys" id={id}>
        <dt>
          <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>
        </dt>
        <dd>one pixel, with Shift five</dd>
        <dt>
          <kbd>Home</kbd> <kbd>End</kbd> <kbd>Page Up</kbd> <kbd>Page Down</kbd>
        </dt>
        <dd>to a border</dd>
        <dt>
          <kbd>Enter</kbd>
        </dt>
        <dd>in the target: back to the chosen pixel</dd>
        <dt>
          <kbd>o</kbd>
        </dt>
        <dd>what lies over the target: the next one</dd>
        <dt>
          <kbd>+</kbd> <kbd>-</kbd>
        </dt>
        <dd>stronger or weaker overlays</dd>
        <dt>
          <kbd>l</kbd>
        </dt>
        <dd>the next level</dd>
      </dl>
    </details>
  );
}
