import project from "../deno.json" with { type: "json" };

/** The versions that decide what a run computes. */
export const VERSIONS = {
  plca: project.version,
  tfjs: pinned(project.imports["@tensorflow/tfjs-core"]),
  onnxruntime: pinned(project.imports["onnxruntime-node"]),
} as const;

/** The package's name. */
export const PACKAGE = project.name;

/** What runs this project's tasks where nothing but Node and npm is installed. */
export const LAUNCH = "npx --yes deno@2.9.6";

/** The version in an import as `npm:name@1.2.3`. */
function pinned(specifier: string): string {
  return specifier.slice(specifier.lastIndexOf("@") + 1);
}
