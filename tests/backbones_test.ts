/** Whether the list of recorded backbones is read to its end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backboneCases } from "./backbones.ts";
import { ownFiles, root } from "./own_files.ts";

Deno.test("every recorded case of backbones is one that a test reads", () => {
  const reads = /backboneCases(?:<[^(]*>)?\("([^"]+)"\)/g;
  const beginnings = ownFiles("tests").filter((path) => path.endsWith(".ts"))
    .flatMap((path) => [...Deno.readTextFileSync(join(root, path)).matchAll(reads)])
    .map(([, beginning]) => beginning!);
  const unread = backboneCases("").map(({ name }) => name)
    .filter((name) => !beginnings.some((beginning) => name.startsWith(beginning)));
  assert.deepEqual(unread, []);
});
