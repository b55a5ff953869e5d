import assert from "node:assert/strict";
import { join } from "node:path";
import { importPlugin } from "../../cli/import_plugin.ts";
import { inFolder } from "./fake_host.ts";

const EXPECTED = "expected export default (kit) => kit.definePlugin({...})";

/** The file's text and, without the path, what is said about it. */
const BROKEN: readonly (readonly [what: string, text: string, message: string])[] = [
  ["no default export", "export const a = 1;", `it has no default export; ${EXPECTED}`],
  [
    "a default export that is no function",
    "export default 3;",
    `its default export is a number; ${EXPECTED}`,
  ],
  ["a plain object", "export default {};", `its default export is an object that is no plugin; ${EXPECTED}`],
  ["nothing returned", "export default () => {};", `its default export returned nothing; ${EXPECTED}`],
  ["an empty list", "export default () => [];", `its default export returned no plugin; ${EXPECTED}`],
  [
    "another kind of object",
    "export default () => ({ kind: 'los', name: 'a', plan() {} });",
    `its default export returned an object that is no plugin; ${EXPECTED}`,
  ],
  [
    "a plugin without a plan",
    "export default ({ z, definePlugin }) => definePlugin({ kind: 'loss', name: 'a', options: z.object({}) });",
    `its default export returned an object that is no plugin; ${EXPECTED}`,
  ],
  ["a throw on import", "throw new Error('boom');", "importing it failed: Error: boom"],
  [
    "a throw of the default export",
    "export default () => { throw new RangeError('boom'); };",
    "its default export threw: RangeError: boom",
  ],
];

for (const [what, text, message] of BROKEN) {
  Deno.test(`a user's file with ${what}`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "mine.ts");
      await Deno.writeTextFile(path, text);
      await assert.rejects(importPlugin(path), { name: "UserError", message: `${path}: ${message}` });
    }));
}

Deno.test("a user's file that is not there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "gone.ts");
    await assert.rejects(importPlugin(path), {
      name: "UserError",
      message: `${path}: there is no such file`,
    });
  }));

Deno.test("a user's file that is no TypeScript", () =>
  inFolder(async (folder) => {
    const path = join(folder, "mine.ts");
    await Deno.writeTextFile(path, "export default (");
    await assert.rejects(importPlugin(path), (error: Error) =>
      error.message.startsWith(`${path}: importing it failed: `));
  }));

Deno.test("a user's file gets the kit and may give several plugins", () =>
  inFolder(async (folder) => {
    const path = join(folder, "mine.ts");
    await Deno.writeTextFile(
      path,
      `export default ({ tf, z, definePlugin }) => ["a", "b"].map((name) => definePlugin({
        kind: "loss", name, summary: String(typeof tf.add), options: z.strictObject({}), plan: () => ({}),
      }));`,
    );
    const plugins = await importPlugin(path);
    assert.deepEqual(plugins.map(({ kind, name, summary }) => [kind, name, summary]), [
      ["loss", "a", "function"],
      ["loss", "b", "function"],
    ]);
  }));
