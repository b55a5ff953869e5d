/**
 * Texts and numbers of runs as a page shows them.
 *
 * Names of classes, runs and files come from people and from files of strangers. They get into a page as text
 * nodes only, never as HTML; control characters are made visible ({@linkcode visible}); and each stands in
 * its own `bdi`, so that a name in a right-to-left script does not turn the sentence around it.
 *
 * Numbers have one form everywhere: shares in percent with one digit, differences in points, a real minus
 * sign, and a dash where there is no value.
 */
import { visible } from "../core/printable.ts";

export { visible } from "../core/printable.ts";

/** A name from a file or a person. It is isolated from the direction of the text around it. */
export function Name({ children }: { readonly children: string }) {
  return <bdi>{visible(children)}</bdi>;
}

/** A share in percent without the sign: `34.0`; "–" where there is none. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : (100 * share).toFixed(1);
}

/** A share in percent: `34.0 %`; "–" for null. */
export function withSign(share: number | null): string {
  return share === null ? "–" : `${percent(share)} %`;
}

/** The difference of two shares in points: `+1.6`, `−0.4`, `0.0`; "–" where one is missing. */
export function points(from: number | null | undefined, to: number | null | undefined): string {
  if (from === null || from === undefined || to === null || to === undefined) return "–";
  return signed((100 * (to - from)).toFixed(1));
}

/** A number in text form with its sign: plus, a real minus, or none for zero. */
function signed(text: string): string {
  if (Number(text) === 0) return text.replace("-", "");
  return text.startsWith("-") ? text.replace("-", "−") : `+${text}`;
}

/**
 * A number, short: `1.234`, `12,350`, `1.20e-5`. Up to four significant digits, but all digits before the
 * point. Infinite and not a number as JavaScript says it; "–" where there is none.
 */
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

/** Seconds as `12.3 s` below a minute, else as `5:09` or `1:05:09`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${hours > 0 ? String(minutes).padStart(2, "0") : minutes}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** Seconds, written as milliseconds without the unit: `250`, `0.988`, `4,702`; "–" where there are none. */
export function milliseconds(seconds: number | null | undefined): string {
  return number(seconds === null || seconds === undefined ? null : 1000 * seconds);
}

/** A time of ISO 8601 as `2 Jan 2030, 03:04` in the reader's time zone; any other text as it is. */
export function moment(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text)) return text;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
