/** What a term sees of a step, made by hand. */
import { IGNORE_LABEL } from "../core/label_space.ts";
import type { LabelledView, StepContext, StreamView } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { solo } from "../core/world.ts";

/** The only step of a phase, with these views by the student and nothing else. */
export function contextOf(
  views: { readonly source: LabelledView; readonly target?: StreamView },
): StepContext {
  const not = (what: string) => () => {
    throw new Error(`this context has no ${what}`);
  };
  return {
    step: 0,
    steps: 1,
    world: solo,
    ignoreLabel: IGNORE_LABEL,
    normalization: { order: "rgb", scale: 1 / 255, mean: [0.5, 0.5, 0.5], deviation: [0.3, 0.3, 0.3] },
    random: Random.stream(0, "context"),
    ...views,
    view: (stream) => stream === "source" ? views.source : views.target ?? not("view of the target")(),
    images: (stream) => {
      const { labels } = stream === "source" ? views.source : views.target ?? not("images of the target")();
      return {
        get pixels() {
          return not("pixels")();
        },
        ...(labels ? { labels } : {}),
      };
    },
    parameters: not("parameters"),
  };
}
