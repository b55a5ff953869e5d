/** Where modules that are started by their URL lie. */
import assert from "node:assert/strict";
import { IN_PACKAGE, moduleBeside } from "../../core/packaged.ts";

Deno.test("moduleBeside: the module in the same folder, with the ending of its neighbour", () => {
  assert.equal(moduleBeside("worker", "file:///a.b/loader.ts").href, "file:///a.b/worker.ts");
  assert.equal(moduleBeside("worker", "file:///a.b/loader.js").href, "file:///a.b/worker.js");
  assert.equal(IN_PACKAGE, false, "a clone runs from TypeScript");
});
