/** What is read of a step, in one form. */
import type { Needs, TapNeed, ViewNeed } from "./term.ts";
import { STUDENT } from "./term.ts";

/** A view that terms or streams read. */
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

/** Every view of some needs, the short form for source and target included; none twice. */
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

/** Views of one stream by one network become one that has what each of them has, in the place of the first. */
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

/** Tells views apart. */
export function viewKey({ stream, by }: Pick<NeededView, "stream" | "by">): string {
  return `${by} ${stream}`;
}

/** The streams that are read, those of views included. */
export function neededStreams(needs: Needs): readonly string[] {
  return [...new Set([...neededViews(needs).map(({ stream }) => stream), ...needs.streams ?? []])];
}
