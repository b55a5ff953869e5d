/**
 * The data of a page. `plca report` and `plca export --page` write an HTML file whose script draws JSON that
 * stands in the same file, so such a page needs no question to a server. {@linkcode pageData} is the other
 * side of `pageHtml` (view/html.ts).
 */
import { DATA_ID } from "../report/data_id.ts";

/**
 * The parsed JSON that was given to `pageHtml`. Its type is the maker's promise: maker and page come from one
 * version of plca. @throws Error when the page has none
 */
export function pageData(): unknown {
  const text = document.getElementById(DATA_ID)?.textContent;
  if (!text) throw new Error("this page holds no data");
  return JSON.parse(text);
}

/**
 * The element in which the page draws itself, emptied: before, it holds a sentence for browsers without
 * scripts.
 */
export function pageRoot(): HTMLElement {
  const root = document.getElementById("page")!;
  root.replaceChildren();
  return root;
}
