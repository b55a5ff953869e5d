/**
 * Streams whose dataset takes its images from other streams of the phase (a `joined` dataset, say). Such a
 * stream needs the others to be read, with labels where it is labelled itself, and must not lead back to
 * itself. Jobs cannot go through one: a job writes labels per image of a dataset, and these images belong to
 * another stream.
 */
import { drawnFrom, isRead, type PhasePlan, type PlannedStream, streamsBehind } from "../core/plan.ts";
import { suggestion } from "../core/suggest.ts";
import type { Findings } from "./findings.ts";

/**
 * Records streams that are not there or not read, labels that training does not read, circles, and jobs of
 * joined images.
 */
export function checkDrawnStreams(
  findings: Findings,
  { streams, before }: Pick<PhasePlan, "streams" | "before">,
): void {
  const read = streams.filter(isRead);
  for (const stream of read) {
    if (!("dataset" in stream)) continue;
    for (const { stream: name, at } of stream.dataset.streams ?? []) {
      const fault = faultOf(stream, name, streams);
      if (fault !== undefined) findings.add(at, fault);
    }
  }
  for (const { at, plan: { reads } } of before) {
    const joined = read.find((stream) => reads.includes(stream.name) && drawnFrom(stream).length > 0);
    if (!joined) continue;
    findings.add(
      [...at, "options"],
      `goes through the stream "${joined.name}", whose images are those of other streams; name one of these`,
    );
  }
}

function faultOf(
  stream: Exclude<PlannedStream, { readonly plan: unknown }>,
  name: string,
  streams: readonly PlannedStream[],
): string | undefined {
  const other = streams.find((one) => one.name === name);
  if (!other) return `there is no stream "${name}"${suggestion(name, streams.map(({ name }) => name))}`;
  if (!isRead(other)) return `the stream "${name}" is made in each step; expected one that is read`;
  if (streamsBehind(streams, other).includes(stream)) return `takes images from itself`;
  if (stream.labels && !other.labels) {
    return `takes labels of "${name}", which training does not read; name a labelled stream`;
  }
  return undefined;
}
