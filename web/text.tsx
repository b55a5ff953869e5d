/** Texts and numbers of runs as a page shows them: text nodes only, so markup in them is text. */
import { visible } from "../core/printable.ts";

export { visible } from "../core/printable.ts";

/** A name from a file or a person; its direction is its own. */
export function Name({ children }: { readonly children: string }) {
  return <bdi>{visible(children)}</bdi>;
}

/** `34.0`; "–" for null. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : (100 * share).toFixed(1);
}

/** `34.0 %`; "–" for null. */
export function withSign(share: number | null): string {
  return share === null ? "–" : `${percent(share)} %`;
}

/** `+1.6`, `−0.4`, `0.0`: points between two shares; "–" where one is missing. */
export function points(from: number | null | undefined, to: number | null | undefined): string {
  if (from === null || from === undefined || to === null || to === undefined) return "–";
  return signed((100 * (to - from)).toFixed(1));
}

function signed(text: string): string {
  if (Number(text) === 0) return text.replace("-", "");
  return text.startsWith("-") ? text.replace("-", "−") : `+${text}`;
}

/** Four significant digits, short: `1.234`, `12,350`, `1.2e-5`. Not a number: as JavaScript says it. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2).replace("-", "−");
  return value.toLocaleString("en", {
    maximumSignificantDigits: Math.max(4, Math.ceil(Math.log10(size + 1))),
  })
    .replace("-", "−");
}

/** `1:05:09`, `5:09`, `12.3 s`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${hours > 0 ? String(minutes).padStart(2, "0") : minutes}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** Seconds as `250`, `0.988`, `4,702`: milliseconds, four significant digits; "–" for null. */
export function milliseconds(seconds: number | null | undefined): string {
  return number(seconds === null || seconds === undefined ? null : 1000 * seconds);
}

/** `2 Jan 2030, 03:04`, where the reader is, for ISO 8601; any other text as it is. */
export function moment(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text)) return text;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
