/** The shape of the tree: who imports whom, and what only one place may do. */
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What each folder may import besides itself. `backends/ops` is more than `backends`: operators, no engine. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ["core"],
  datasets: ["core"],
  losses: ["core", "backends/ops"],
  models: ["core", "backends/ops"],
  optim: ["core", "backends/ops"],
  metrics: ["core"],
  train: ["core", "metrics", "datasets", "backends/ops"],
  backends: ["core"],
  report: ["core", "metrics"],
  cli: ["core", "config", "datasets", "losses", "models", "optim", "metrics", "train", "backends", "report"],
};

/** Folders without the tensor library; its types are no dependency. */
const NO_TENSORS = ["core", "config", "datasets", "metrics", "report", "cli"];

/** Only these may, each with what it is for. */
const ONLY_IN: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly files: readonly string[];
}[] = [
  { what: "the console", pattern: /\bconsole\./, files: [] },
  { what: "the standard streams", pattern: /\bDeno\.std(in|out|err)\b/, files: ["cli/host.ts"] },
  { what: "the exit", pattern: /\b(Deno|process)\.exit\b/, files: ["cli/host.ts"] },
  { what: "signals", pattern: /\bDeno\.addSignalListener\b|\bprocess\.on\b/, files: ["cli/host.ts"] },
  { what: "the environment", pattern: /\bDeno\.env\b|\bprocess\.env\b/, files: ["cli/host.ts"] },
  { what: "an import of a computed path", pattern: /\bimport\((?!")/, files: ["cli/import_plugin.ts"] },
];

/** Without comments and templates, which may hold code that is not the file's own. */
function code(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|`(?:\\[\s\S]|[^`\\])*`|"(?:\\.|[^"\\\n])*"/g;
  return text.replace(token, (found) => found.startsWith('"') ? found : "");
}

interface Source {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly folder: string;
  readonly code: string;
  /** Module specifiers, static and dynamic. */
  readonly imports: readonly string[];
}

function read(path: string): Source {
  const text = code(Deno.readTextFileSync(join(ROOT, path)));
  const imports = [
    ...text.matchAll(/\bfrom "([^"]+)"|\bimport "([^"]+)"|\bimport\("([^"]+)"\)|\brequire\("([^"]+)"\)/g),
  ]
    .map((match) => match.slice(1).find((part) => part !== undefined)!);
  return { path, folder: path.includes("/") ? path.slice(0, path.indexOf("/")) : "", code: text, imports };
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(join(ROOT, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

const SOURCES = [
  ...Object.keys(MAY_IMPORT).flatMap((folder) => [...filesBelow(folder)]),
  "mod.ts",
  "builtins.ts",
]
  .map(read);

/** Relative imports, as paths from the project's folder. */
function ownImports({ path, imports }: Source): string[] {
  return imports.filter((specifier) => specifier.startsWith("."))
    .map((specifier) => relative(ROOT, join(ROOT, dirname(path), specifier)).replaceAll("\\", "/"));
}

Deno.test("folders import only what lies below them", () => {
  const wrong = SOURCES.filter(({ folder }) => folder !== "").flatMap((source) => {
    const allowed = [source.folder, ...MAY_IMPORT[source.folder]!];
    // The command line and what it prints may know the list of plugins and the project's version.
    if (source.folder === "cli") allowed.push("builtins.ts", "deno.json");
    return ownImports(source)
      .filter((path) => !allowed.some((one) => path === one || path.startsWith(`${one}/`)))
      .map((path) => `${source.path} imports ${path}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("the public module imports nothing of the command line", () => {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path) || !path.endsWith(".ts")) return;
    seen.add(path);
    ownImports(read(path)).forEach(visit);
  };
  visit("mod.ts");
  assert.ok(seen.has("train/mod.ts"));
  assert.deepEqual([...seen].filter((path) => path.startsWith("cli/")), []);
});

Deno.test("the tensor library stays out of configuration, data and reports", () => {
  const wrong = SOURCES.filter(({ folder, code }) =>
    NO_TENSORS.includes(folder) && /^import (?!type)[^;]*"@tensorflow/m.test(code)
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("streams, exit, signals, environment and users' imports have one place each", () => {
  const wrong = ONLY_IN.flatMap(({ what, pattern, files }) =>
    SOURCES.filter(({ path, code }) => pattern.test(code) && !files.includes(path))
      .map(({ path }) => `${path} uses ${what}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("every dependency is declared once and used", () => {
  const others = ["tests", "bench", "docs"].flatMap((folder) => [...filesBelow(folder)].map(read));
  const used = new Set([...SOURCES, ...others].flatMap(({ imports }) => imports));
  const bare = [...used].filter((specifier) => !/^(\.|node:)/.test(specifier));
  const declared = Object.keys(project.imports);
  const covers = (name: string, specifier: string) =>
    specifier === name || specifier.startsWith(name.endsWith("/") ? name : `${name}/`);
  assert.deepEqual(bare.filter((specifier) => !declared.some((name) => covers(name, specifier))), []);
  assert.deepEqual(declared.filter((name) => !bare.some((specifier) => covers(name, specifier))), []);
});
