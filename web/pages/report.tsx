/** The page of `plca report`. */
import { render } from "preact";
import { pageData, pageRoot } from "../data.ts";
import { Report } from "../report/report.tsx";
import type { ReportData } from "../../report/report_data.ts";

render(<Report data={pageData() as ReportData} />, pageRoot());
