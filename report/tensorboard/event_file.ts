/** A file of TensorBoard events. */
import { UserError } from "../../core/errors.ts";
import { messageOf } from "../../core/words.ts";
import { versionEvent } from "./messages.ts";
import { frame } from "./record.ts";

/** A file that grows by records. */
export interface EventFile {
  /** Appends a record; it has left the process when this returns. @throws UserError */
  write(event: Uint8Array): void;
  close(): void;
}

/**
 * Begins a new file in `folder`, which is made if it is not there. Readers take files in the order of their
 * names, so this one is named behind those that lie there, whatever the clock says.
 * @param time milliseconds since 1970
 * @throws UserError when it cannot be written
 */
export function newEventFile(folder: string, time: number): EventFile {
  makeEventFolder(folder);
  const number = Math.max(Math.floor(time / 1000), attempt(folder, () => highestNumber(folder)) + 1);
  const path = `${folder}/events.out.tfevents.${String(number).padStart(10, "0")}.plca`;
  const file = attempt(path, () => Deno.openSync(path, { write: true, createNew: true }));
  const write = (event: Uint8Array) => {
    attempt(path, () => {
      for (let rest = frame(event); rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
    });
  };
  write(versionEvent(time));
  return { write, close: () => file.close() };
}

/** Makes a folder that is not there. @throws UserError */
export function makeEventFolder(folder: string): void {
  attempt(folder, () => Deno.mkdirSync(folder, { recursive: true }));
}

function attempt<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  }
}

function highestNumber(folder: string): number {
  let highest = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    const [, digits] = /\.tfevents\.(\d{1,15})\./.exec(name) ?? [];
    if (digits !== undefined) highest = Math.max(highest, Number(digits));
  }
  return highest;
}
