/** What the page's maker left in it. */
import { DATA_ID } from "../report/data_id.ts";

/** The data given to `pageHtml`. @throws Error when the page has none */
export function pageData(): unknown {
  const text = document.getElementById(DATA_ID)?.textContent;
  if (!text) throw new Error("this page holds no data");
  return JSON.parse(text);
}

/** Where the page draws itself, empty. */
export function pageRoot(): HTMLElement {
  const root = document.getElementById("page")!;
  root.replaceChildren();
  return root;
}
