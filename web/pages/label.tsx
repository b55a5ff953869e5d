/** The page of `plca export --page`. */
import { render } from "preact";
import { pageData, pageRoot } from "../data.ts";
import { LabelPage } from "../label/label_page.tsx";
import type { LabelPageData } from "../../export/label_page_data.ts";

render(<LabelPage data={pageData() as LabelPageData} />, pageRoot());
