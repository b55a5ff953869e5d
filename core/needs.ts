/**
 * What terms and streams say they read, in one form. A plugin may write its needs short (`taps` alone means
 * the student's views of source and target) or as a list of views, and two plugins may ask for the same view
 * with different taps. Here both become one list in which every view (network and stream) stands once, with
 * everything that anyone asks of it: the trainer computes it once and all share it.
 */
import type { Needs, TapNeed, ViewNeed } from "./term.ts";
import { STUDENT } from "./term.ts";

/** One view, with everything that its readers ask of it. */
export interface NeededView {
  /** The stream. */
  readonly stream: string;
  /** The network. */
  readonly by: string;
  /** Read beside `logits`. */
  readonly taps: readonly TapNeed[];
  /** Whether logits are resized to the images' size. */
  readonly labelResolution: boolean;
  /** Whether the stream must have labels. */
  readonly labels: boolean;
  /** Whether gradients flow through what would be a constant; absent: no. */
  readonly flows?: boolean;
}

/**
 * Every view that some needs ask for, the short form included; none twice, in the order in which they are
 * first named. Empty needs give none.
 */
export function neededViews(needs: Needs): readonly NeededView[] {
  const short: readonly ViewNeed[] = needs.taps === undefined ? [] : [
    { stream: "source", taps: needs.taps, labelResolution: needs.labelResolution ?? false, labels: true },
    ...(needs.target === false ? [] : [{ stream: "target", taps: needs.taps }]),
  ];
  return unionOf([...short, ...needs.views ?? []].map(({ stream, by, taps, ...more }) => ({
    stream,
    by: by ?? STUDENT,
    taps: taps ?? [],
    labelResolution: more.labelResolution ?? false,
    labels: more.labels ?? false,
    ...(more.flows ? { flows: true } : {}),
  })));
}

/**
 * Views of one stream by one network become one, which has the taps and requests of each of them, in the
 * place of the first.
 */
export function unionOf(views: readonly NeededView[]): readonly NeededView[] {
  const all = new Map<string, NeededView>();
  for (const view of views) {
    const key = viewKey(view);
    const former = all.get(key);
    all.set(
      key,
      former === undefined ? view : {
        ...former,
        taps: [...former.taps, ...view.taps],
        labelResolution: former.labelResolution || view.labelResolution,
        labels: former.labels || view.labels,
        ...(former.flows || view.flows ? { flows: true } : {}),
      },
    );
  }
  return [...all.values()];
}

/** A text that is the same for two views exactly when network and stream are. */
export function viewKey({ stream, by }: Pick<NeededView, "stream" | "by">): string {
  return `${by} ${stream}`;
}

/** The streams whose images are read, those of views included; none twice. */
export function neededStreams(needs: Needs): readonly string[] {
  return [...new Set([...neededViews(needs).map(({ stream }) => stream), ...needs.streams ?? []])];
}
