/**
 * plca as a library: the plugin types, the built-in plugins, recipes, training, evaluation and export.
 * Importing it has no effect; the tensor engine starts with {@linkcode selectBackend}.
 *
 * ```ts
 * import { builtins, diskFiles, loadRecipe, selectBackend, train } from "@plca/plca";
 *
 * const plan = await loadRecipe({ path: "street" }, {
 *   registry: builtins(),
 *   readText: (path) => Deno.readTextFile(path),
 *   cwd: Deno.cwd(),
 * });
 * await selectBackend(plan.backend);
 * const { final } = await train(plan, {
 *   runDir: "runs/library",
 *   signal: new AbortController().signal,
 *   files: diskFiles(),
 *   onEvent: (event) => event.type === "validation" && console.log(event.step, event.miou),
 * });
 * console.log(`mIoU ${final?.miou}`);
 * ```
 * @module
 */
export * from "./core/errors.ts";
export * from "./core/events.ts";
export * from "./core/kit.ts";
export * from "./core/label_space.ts";
export type { MovedMemory, MovedTensors } from "./core/memory.ts";
export * from "./core/plan.ts";
export * from "./core/plugin.ts";
export type { ChoiceSchema } from "./core/plugin_choice.ts";
export * from "./core/random.ts";
export { Registry } from "./core/registry.ts";
export * from "./core/tensors.ts";
export * from "./core/weights.ts";
export { STUDENT } from "./core/term.ts";
export { type Coefficient, type Ramp, type RampShape } from "./core/coefficient.ts";
export { drawnForOwn, type GradualMean, type Place, solo, type World } from "./core/world.ts";
export type { OptionsSchema, ParseIssue, ParseResult } from "./core/schema.ts";

export { type JsonSchema, optionsSchema } from "./config/entry_schema.ts";
export { recipeSchema } from "./config/json_schema.ts";
export * from "./config/load.ts";

export { builtins } from "./builtins.ts";
export { datasets } from "./datasets/mod.ts";
export { jobs } from "./jobs/mod.ts";
export { losses, similarities } from "./losses/mod.ts";
export { models } from "./models/mod.ts";
export { networks } from "./networks/mod.ts";
export { optimizers } from "./optim/mod.ts";
export { streams } from "./streams/mod.ts";

export { diskFiles } from "./datasets/files.ts";
export * from "./backends/plugin_kit.ts";
export * from "./backends/select.ts";
export type { Backend, Inspected, Judged, Started } from "./backends/backend.ts";
export * from "./train/mod.ts";
export { exportOnnx, type OnnxFile, type OnnxOptions } from "./export/checked.ts";
export type { ELEMENTS, ElementType, Port } from "./backends/onnx_model.ts";
export type { LoweredModel } from "./export/lower.ts";
export type { Pictures } from "./export/pictures.ts";
export type { Picture } from "./export/trials.ts";
export type { Comparison } from "./export/verify.ts";
