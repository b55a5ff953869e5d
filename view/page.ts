import { pageHtml } from "./html.ts";
import style from "../web/explorer/style.css" with { type: "text" };
import script from "../web/dist/view.js" with { type: "text" };

/** The page of `plca view`; it asks its server for the run. @param run how the run is called */
export async function viewPage(run: string): Promise<string> {
  return await pageHtml({ title: `${run} – plca view`, script, style, server: true });
}
