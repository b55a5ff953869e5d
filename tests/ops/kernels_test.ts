import assert from "node:assert/strict";
import { kernels, replaceKernels } from "../../ops/kernels.ts";
import { portable } from "../../ops/portable.ts";
import { backendTest } from "../goldens.ts";

backendTest("cpu", "kernels are put together when they are replaced, not when they are asked for", () => {
  assert.equal(kernels(), kernels());
  const sgdStep = () => {};
  replaceKernels("cpu", { sgdStep });
  assert.equal(kernels(), kernels());
  assert.deepEqual(kernels(), { ...portable, sgdStep });
  return Promise.resolve();
});
