/** What `plca report` shows. */
import type { ReportData } from "../report/report_data.ts";
import { Chart, type ChartSeries } from "./chart.tsx";
import { Confusion } from "./confusion.tsx";
import { Name, percent } from "./text.tsx";

/** The whole page. */
export function Report({ data }: { readonly data: ReportData }) {
  const phases = data.runs.flatMap((run) => run.phases.map((phase) => ({ run, phase })));
  const series = phases.map(({ run, phase }, k): ChartSeries => ({
    name: `${run.title} ${phase.name}`,
    x: phase.validations.step,
    y: phase.validations.miou,
    colour: k,
  }));
  return (
    <main>
      <h1>
        <Name>{data.title}</Name>
      </h1>
      <Chart title="mIoU of the val split" series={series} format={percent} />
      {phases.map(({ run, phase: { evaluation, name } }) =>
        evaluation && (
          <Confusion
            title={`${run.title} ${name}`}
            classes={evaluation.classes}
            counts={evaluation.confusion}
          />
        )
      )}
    </main>
  );
}
