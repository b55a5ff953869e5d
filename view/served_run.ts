/** What the page is told of the run: what `plca report` shows, and a number that changes with it. */
import type { ReportData, ReportRun } from "../report/report_data.ts";

/** The run as it is now. */
export interface ServedRun {
  readonly revision: number;
  /** Whether its folder is no longer there: the report is what was read of it before. */
  readonly gone: boolean;
  readonly report: ReportData;
}

/** Images of the val split, or why there are none. */
export type ServedPictures = Pick<ReportRun, "pictures" | "withoutPictures">;
