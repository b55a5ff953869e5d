/**
 * A page as one file: script, style and data stand in it, and it may load nothing else. A report so can be
 * mailed, opened from a disk without a network, and read in ten years.
 *
 * The policy in the page admits exactly this script and this style, by their hashes. Whatever ends up in the
 * data, names of classes or texts of a log, cannot become code: it is JSON in an element of its own, and the
 * policy would not run it.
 */
import { visible } from "../core/printable.ts";
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { DATA_ID } from "../report/data_id.ts";
import ownStyle from "../web/style.css" with { type: "text" };

/** What a page is made of. */
export interface Page {
  /** Of the window; any text. */
  readonly title: string;
  /** A bundle of `web/dist`. */
  readonly script: string;
  /** What the script finds with `pageData()`; every value survives JSON. Absent: nothing. */
  readonly data?: unknown;
  /** Styles beside the common ones. */
  readonly style?: string;
  /** Whether the page may ask the server it came from; absent: it may ask no server. */
  readonly server?: boolean;
  /**
   * A script beside the page, which is run first and may compile WebAssembly, as may what it imports from
   * there.
   */
  readonly runtime?: string;
}

/**
 * The whole HTML of a page. Its Content-Security-Policy admits this script and this style by their SHA-256,
 * and pictures in `data:` and `blob:` addresses; with `server` also requests to and pictures from the page's
 * own origin.
 * @throws Error when the script holds what would end its element
 */
export async function pageHtml(
  { title, script, data, style: more = "", server = false, runtime }: Page,
): Promise<string> {
  const style = `${uplotStyle}\n${ownStyle}${more}`;
  // Either would end the element early, whatever stands around it.
  if (/<\/script|<!--/i.test(script)) throw new Error("the script holds </script or <!--");
  const own = server ? " 'self'" : "";
  const policy = [
    "default-src 'none'",
    `script-src '${await hash(script)}'${runtime === undefined ? "" : " 'self' 'wasm-unsafe-eval'"}`,
    `style-src '${await hash(style)}'`,
    `img-src data: blob:${own}`,
    ...(server ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    `<title>${escaped(visible(title))}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    '<div id="page"><noscript>This page draws itself with JavaScript, which is switched off here.</noscript></div>',
    ...(data === undefined
      ? []
      : [`<script type="application/json" id="${DATA_ID}">${embedded(data)}</script>`]),
    ...(runtime === undefined ? [] : [`<script src="${escaped(runtime)}"></script>`]),
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/**
 * JSON without a character that could end its element; U+2028 and U+2029 are escaped for readers that take it
 * for JavaScript.
 */
function embedded(data: unknown): string {
  const escape = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, escape);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ENTITIES[sign]!);
}

/** The hash of a script or style, as a policy names it. */
async function hash(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
