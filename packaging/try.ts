/**
 * `deno task try:package`: packs plca, serves the files as a registry on 127.0.0.1, and
 * installs them into empty folders with empty caches, once with npm where there is no Deno and once with
 * `deno install`. In both it trains the default recipe and says what was fetched and how long it took.
 * Arguments go to `plca train`, as in `--set training.steps=20`. All other packages come from npm's registry.
 */
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { serveRegistry } from "./registry.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { name, version } = project;

/** The variables of the environment that Node, npm and Deno need to reach npm's registry. */
const KEPT = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"],
];

/** A program with its arguments. */
type Line = readonly string[];

/** An empty folder to install into, with caches of its own. */
interface Place {
  readonly folder: string;
  readonly cache: string;
  readonly env: Record<string, string>;
}

const temporary = await Deno.realPath(await Deno.makeTempDir({ prefix: "plca try-" }));
try {
  // For all systems: Deno asks the registry for every optional dependency.
  await run([Deno.execPath(), "task", "pack", "--allow-dirty"], { cwd: ROOT });
  const registry = await serveRegistry(join(ROOT, "dist"));
  try {
    await tryNpm(await place("npm", registry.url));
    await tryDeno(await place("deno", registry.url));
  } finally {
    await registry.close();
  }
} finally {
  await Deno.remove(temporary, { recursive: true });
}

/**
 * Installs and trains with Node and npm alone. PATH names a folder of links to them, and the system's own.
 */
async function tryNpm(place: Place): Promise<void> {
  const bin = join(place.folder, "..", "bin");
  await Deno.mkdir(bin);
  for (const program of ["node", "npm", "npx"]) await Deno.symlink(await found(program), join(bin, program));
  const env = { ...place.env, PATH: [bin, "/usr/bin", "/bin"].join(delimiter) };
  const there = await found("deno", env["PATH"]).catch(() => undefined);
  if (there !== undefined) throw new Error(`${there}: this is to be tried where there is no Deno`);
  const to = { cwd: place.folder, env };
  await timed("npm install", ["npm", "install", name], to);
  await tell("fetched, npm's cache", place.cache);
  await tell("node_modules", join(place.folder, "node_modules"));
  await trains(["npx", "plca"], to);
}

/** Installs and trains with Deno. */
async function tryDeno(place: Place): Promise<void> {
  const to = { cwd: place.folder, env: place.env };
  const deno = Deno.execPath();
  await timed("deno install", [deno, "install", `npm:${name}`], to);
  await tell("Deno's cache, unpacked", place.cache);
  await trains([deno, "run", "--allow-all", `npm:${name}`], to);
}

/**
 * Trains the default recipe with the installed command, and makes a report and a page. @throws Error when the version is
 * another one
 */
async function trains(plca: Line, to: Pick<Place, "env"> & { readonly cwd: string }): Promise<void> {
  const said = (await run([...plca, "--version"], to)).trim();
  if (said !== version) throw new Error(`it says version ${said}, expected ${version}`);
  const text = await timed("train", [...plca, "train", "--quiet", ...Deno.args], to);
  console.log(text.replaceAll(/^/gm, "    "));
  await run([...plca, "report", "runs/street-001"], to);
  await Deno.stat(join(to.cwd, "runs/street-001/report.html"));
  await run([...plca, "export", "--page", "page"], to);
  await Deno.stat(join(to.cwd, "page/runtime/ort.webgpu.min.js"));
}

/**
 * Makes an empty folder with caches and a home of its own, which takes @plca's packages from this registry.
 */
async function place(way: string, registry: string): Promise<Place> {
  const folder = join(temporary, way, "folder"), cache = join(temporary, way, "cache");
  const home = join(temporary, way, "home");
  for (const path of [folder, cache, home]) await Deno.mkdir(path, { recursive: true });
  const realHome = Deno.env.get("HOME");
  const settings = realHome === undefined
    ? ""
    : await Deno.readTextFile(join(realHome, ".npmrc")).catch(() => "");
  await Deno.writeTextFile(join(folder, ".npmrc"), `${settings}\n@plca:registry=${registry}\n`);
  const kept = KEPT.map((name) => [name, Deno.env.get(name)]).filter(([, value]) => value !== undefined);
  const env = {
    ...Object.fromEntries(kept),
    HOME: home,
    npm_config_cache: cache,
    DENO_DIR: cache,
    NO_COLOR: "1",
  };
  return { folder, cache, env };
}

/** The path of a program. @throws Error when no folder of PATH has it */
async function found(program: string, path: string = Deno.env.get("PATH") ?? ""): Promise<string> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = join(folder, program);
    if ((await Deno.stat(file).catch(() => undefined))?.isFile) return file;
  }
  throw new Error(`there is no ${program} in PATH`);
}

/** Runs a program and prints how long it took. */
async function timed(
  what: string,
  line: Line,
  to: { readonly cwd: string; readonly env: Record<string, string> },
) {
  const began = performance.now();
  const text = await run(line, to);
  console.log(`${what}  ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return text;
}

/** Prints the size of a folder. */
async function tell(what: string, folder: string): Promise<void> {
  console.log(`${what}  ${(await size(folder) / 1e6).toFixed(0)} MB`);
}

/** The bytes in a folder; a file with two names counts once. */
async function size(folder: string, seen: Set<number> = new Set()): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) bytes += await size(path, seen);
    if (!isFile) continue;
    const { ino, size: length } = await Deno.stat(path);
    if (ino === null || !seen.has(ino)) bytes += length;
    if (ino !== null) seen.add(ino);
  }
  return bytes;
}

/** Runs a program. @returns what it prints @throws Error with what it wrote */
async function run(
  line: Line,
  { cwd, env }: { readonly cwd: string; readonly env?: Record<string, string> },
) {
  const [program, ...args] = line;
  const path = env?.["PATH"] ?? Deno.env.get("PATH") ?? "";
  const whole = program!.includes("/") ? program! : await found(program!, path);
  const { success, stdout, stderr } = await new Deno.Command(whole, {
    args,
    cwd,
    ...(env === undefined
      ? {}
      : { clearEnv: true, env: { PATH: `${path}${delimiter}${dirname(whole)}`, ...env } }),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${line.join(" ")}\n${text(stdout)}${text(stderr)}`);
  return text(stdout);
}
