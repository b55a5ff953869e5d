/** Who may import whom, and what has one place only: the design's rules, held against every file. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import config from "../../deno.json" with { type: "json" };
import { ownFiles, root } from "../own_files.ts";
import { importsOf, readSource, type Source } from "./source_text.ts";

/** A folder, or a file of one, and what its files import beside their own folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ["core"],
  datasets: ["core"],
  // Operators whose gradients are right on every backend, the association and the layers that are made of them.
  ops: ["core"],
  losses: ["core", "ops"],
  models: ["core", "ops"],
  jobs: ["core"],
  networks: ["core"],
  optim: ["core", "ops"],
  streams: ["core", "ops"],
  metrics: ["core", "ops"],
  // Files of weights: functions of bytes.
  weights: ["core"],
  // Adapters: what an engine needs to run the operators.
  backends: ["core", "ops"],
  // MPI: other processes of the same run.
  processes: ["core"],
  // What a run is on disk.
  run_folder: ["core"],
  report: ["core", "metrics", "run_folder"],
  // What runs in a browser: types and pure functions.
  web: [
    "core",
    "report",
    "run_folder",
    "explore/types.ts",
    "export/label_page_data.ts",
    "view/served_run.ts",
  ],
  // The server of a page: it knows what is shown, not how it is made.
  view: [
    "core",
    "explore",
    "report",
    "run_folder",
    "web/dist",
    "web/explorer/style.css",
    "web/style.css",
  ],
  // Looks into associations by the operators of training, at images as training prepares them.
  explore: [
    "core",
    "ops",
    "weights",
    "datasets/evaluation.ts",
    "datasets/transforms",
    "run_folder",
    "train/trained.ts",
  ],
  // Images come from the input, in batches or one by one; logits are resized and features aggregated by the operators. Jobs
  // leave labels for other images.
  train: [
    "core",
    "metrics",
    "ops",
    "run_folder",
    "weights",
    "datasets/evaluation.ts",
    "datasets/input.ts",
    "datasets/loader.ts",
    "report/logger.ts",
    "report/tensorboard",
  ],
  // Files for other programs: what a network calls is written down, and the file compared with the network.
  export: [
    "core",
    "backends/native",
    "backends/onnx_model.ts",
    "backends/recorder",
    // Compared on images of the run; the file says who made it, and of which run.
    "datasets/evaluation.ts",
    "datasets/input.ts",
    "datasets/transforms",
    "deno.json",
    "report/colours.ts",
    "run_folder/layout.ts",
    "train/evaluate.ts",
    "train/predict.ts",
    "train/trained.ts",
    "train/whole_image.ts",
    // A hub's folder holds weights.
    "weights",
    // The page for browsers.
    "report/pictures.ts",
    "view/html.ts",
    "web/dist",
    "web/label/style.css",
  ],
  // The command line knows everything, the list of plugins included.
  cli: [
    "backends",
    "builtins.ts",
    "config",
    "core",
    "datasets",
    "deno.json",
    "explore",
    "export",
    "losses",
    "metrics",
    "models",
    "ops",
    "optim",
    "processes",
    "report",
    "run_folder",
    "train",
    "view",
    "web/dist",
    "weights",
  ],
  "builtins.ts": ["core", "jobs", "losses", "models", "datasets", "networks", "optim", "streams"],
  "mod.ts": [
    "backends",
    "builtins.ts",
    "config",
    "core",
    "datasets",
    "export/checked.ts",
    "export/lower.ts",
    "export/pictures.ts",
    "export/trials.ts",
    "export/verify.ts",
    "jobs",
    "losses",
    "metrics",
    "models",
    "networks",
    "optim",
    "report",
    "run_folder",
    "streams",
    "train",
    "weights",
  ],
};

/** Everything that is shipped; other folders hold tests, benchmarks and pictures. */
const PRODUCT = Object.keys(MAY_IMPORT);

/** What is imported as it is: settings, and the texts that pages are made of. */
const ASSETS = /^(?:deno\.json|web\/(?:explorer\/|label\/)?style\.css|web\/dist\/\w+\.js)$/;

/** Folders that do not load the tensor library; `core` may name its types. */
const WITHOUT_TENSORS = [
  "core",
  "config",
  "datasets",
  "jobs",
  "metrics",
  "report",
  "run_folder",
  "weights",
  "web",
  "cli",
];

const sources = new Map<string, Source>(
  ownFiles()
    // The others are AssemblyScript, compiled to simd.wasm.
    .filter((path) => /\.tsx?$/.test(path) && !isIn(path, "backends/wasm/simd"))
    .map((path) => [path, readSource(Deno.readTextFileSync(root + path))]),
);
const product = [...sources].filter(([path]) => PRODUCT.some((place) => isIn(path, place)));

function isIn(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/** Local imports as paths from the root, others as written. */
function targets(path: string, source: Source) {
  return importsOf(source).map(({ specifier, typeOnly }) => ({
    target: specifier.startsWith(".") ? join(dirname(path), specifier) : specifier,
    local: specifier.startsWith("."),
    typeOnly,
  }));
}

/** The files of the product in which a pattern occurs as code. */
function filesWith(pattern: RegExp): string[] {
  return product.filter(([, { code }]) => pattern.test(code)).map(([path]) => path);
}

Deno.test("every local import names a file, and the product has no other folders than these", () => {
  for (const [path, source] of sources) {
    for (const { target, local } of targets(path, source)) {
      assert.ok(!local || sources.has(target) || ASSETS.test(target), `${path} imports ${target}`);
    }
  }
  const others = [...sources.keys()].filter((path) => !product.some(([known]) => known === path));
  const folders = new Set(others.map((path) => path.split("/")[0]));
  assert.deepEqual(
    [...folders].filter((name) => !["bench", "docs", "packaging", "tests"].includes(name!)),
    [],
  );
});

for (const [place, allowed] of Object.entries(MAY_IMPORT)) {
  Deno.test(`${place} imports ${allowed.join(", ") || "nothing but itself"}`, () => {
    const wrong = product.filter(([path]) => isIn(path, place)).flatMap(([path, source]) =>
      targets(path, source)
        .filter(({ target, local }) => local && ![place, ...allowed].some((one) => isIn(target, one)))
        .map(({ target }) => `${path} -> ${target}`)
    );
    assert.deepEqual(wrong, []);
  });
}

Deno.test("the public module reaches nothing of the command line, however far one follows", () => {
  const seen = new Set<string>();
  const visit = (path: string) => {
    const source = sources.get(path);
    if (source === undefined || seen.has(path)) return;
    seen.add(path);
    for (const { target } of targets(path, source)) visit(target);
  };
  visit("mod.ts");
  assert.ok(seen.has("train/mod.ts"));
  assert.deepEqual([...seen].filter((path) => isIn(path, "cli")), []);
});

Deno.test(`${WITHOUT_TENSORS.join(", ")} do not load the tensor library`, () => {
  const wrong = product.filter(([path]) => WITHOUT_TENSORS.some((place) => isIn(path, place)))
    .filter(([path, source]) =>
      targets(path, source).some(({ target, typeOnly }) =>
        target.startsWith("@tensorflow/") && (!typeOnly || !isIn(path, "core"))
      )
    );
  assert.deepEqual(wrong.map(([path]) => path), []);
});

Deno.test("console, exit, signals and the environment are cli/host.ts's alone", () => {
  const others = filesWith(/\bconsole\s*\.|\bprocess\b|\bDeno\s*\.\s*(?:exit|addSignal|removeSignal|env|std)/)
    .filter((path) => path !== "cli/host.ts");
  assert.deepEqual(others, []);
});

Deno.test("only cli/import_plugin.ts imports a file whose name is computed", () => {
  assert.deepEqual(filesWith(/\bimport\s*\(\s*(?!"\d+"\s*\))/), ["cli/import_plugin.ts"]);
});

Deno.test("many tensors are added by ops/add_all.ts: WebGPU drops addN of eight without an error", () => {
  // TensorFlow has no bindings.
  const others = filesWith(/\btf\.addN\b/).filter((path) => !isIn(path, "backends/tensorflow"));
  // Always three.
  assert.deepEqual(others, ["ops/association/device/association.ts"]);
});

Deno.test("the files of ops import each other in no circle, types included", () => {
  let left = new Map(
    product.filter(([path]) => isIn(path, "ops")).map(([path, source]) => [
      path,
      targets(path, source).map(({ target }) => target),
    ]),
  );
  for (let before = Infinity; left.size < before;) {
    before = left.size;
    left = new Map([...left].filter(([, imported]) => imported.some((one) => left.has(one))));
  }
  // Those of a circle, and those that import them.
  assert.deepEqual([...left.keys()], []);
});

Deno.test("every dependency is used, and named through deno.json", () => {
  const names = Object.keys(config.imports);
  const specifiers = [...sources].flatMap(([path, source]) => targets(path, source))
    .filter(({ local }) => !local).map(({ target }) => target);
  const unused = names.filter((name) =>
    !specifiers.some((one) => one === name || isIn(one, name.replace(/\/$/, "")))
  );
  assert.deepEqual(unused, []);
  const known = (one: string) =>
    one.startsWith("node:") || names.some((name) => isIn(one, name.replace(/\/$/, "")));
  assert.deepEqual(specifiers.filter((one) => !known(one)), []);
});

Deno.test("onnxruntime-node is never run: the npm package brings its library without its JavaScript", () => {
  const namers = [...sources].filter(([path, source]) =>
    !path.startsWith("tests/") && importsOf(source).some(({ specifier }) => specifier === "onnxruntime-node")
  ).map(([path]) => path);
  // Both resolve where the library lies.
  assert.deepEqual(namers, ["backends/native/ort_api.ts", "packaging/libraries.ts"]);
});

Deno.test("texts, comments, templates and regular expressions are no code", () => {
  const text = [
    'import type { A } from "./a.ts"; // import "./comment.ts"',
    "export * from './b.ts'; /* console.log() */",
    'const quoted = "import \\"./text.ts\\"", pattern = /["`]console\\.x/, half = 4 / 2 / 1;',
    'const made = `import "./template.ts"; ${[`${quoted}`].map((x) => ({ x })).join("`")} console.log`;',
    'await import("./c.ts"); require("d"); await import(made);',
  ].join("\n");
  const source = readSource(text);
  assert.deepEqual(importsOf(source), [
    { specifier: "./a.ts", typeOnly: true },
    { specifier: "./b.ts", typeOnly: false },
    { specifier: "./c.ts", typeOnly: false },
    { specifier: "d", typeOnly: false },
  ]);
  assert.doesNotMatch(source.code, /console/);
  assert.match(source.code, /half = 4 \/ 2 \/ 1;/);
  assert.match(source.code, /\.map\(\(x\) => \(\{ x \}\)\)/);
});
