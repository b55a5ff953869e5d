import project from "../deno.json" with { type: "json" };

/** The versions that decide what a run computes. */
export const VERSIONS = {
  plca: project.version,
  tfjs: pinned(project.imports["@tensorflow/tfjs-core"]),
  onnxruntime: pinned(project.imports["onnxruntime-node"]),
} as const;

function pinned(specifier: string): string {
  return specifier.slice(specifier.lastIndexOf("@") + 1);
}
