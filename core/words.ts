/** Errors, numbers and sizes in words, so that all commands say them alike. Pure. */

/** The message of an error; other thrown values as text. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Deno names an option of its own, which a command of plca does not have.
  return error.name === "NotCapable"
    ? error.message.replace(
      /, run again with .*$/,
      "; what a loss may do stands in docs/reliability.md, Permissions",
    )
    : error.message;
}

/** Why a file cannot be read: common errors of the system in words, else {@linkcode messageOf}. */
export function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return REASONS[cause.name] ?? cause.message;
}

const REASONS: Readonly<Record<string, string | undefined>> = {
  NotFound: "there is no such file",
  IsADirectory: "it is a folder, expected a file",
  NotADirectory: "a part of its path is a file, expected a folder",
  PermissionDenied: "permission denied",
  NotCapable: "permission denied",
};

/** A share in [0, 1] in percent with one decimal and without the sign, as in `34.0`; "-" for null. */
export function percent(share: number | null): string {
  return share === null ? "-" : (100 * share).toFixed(1);
}

/** A number and its noun, as in `1 step`, `2 steps`; the plural adds an s. */
export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `1.4 MB` */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `23.5 GiB` */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
