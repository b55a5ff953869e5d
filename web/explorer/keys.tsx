/** Keys of both images besides those that move the cursor, and the text that explains all of them. */
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

/**
 * A function that does what a key means. @returns of it: false where the key means nothing, so that the
 * browser may have it
 */
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

/**
 * The list of keys. Its `id` is referred to by both images, so that a screen reader reads it out where they
 * get the focus.
 */
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
