/**
 * `plca new loss NAME`: writes a loss that works and a test for it, as a start. The loss is a real one (the
 * mean unsureness of predictions), so that what is written runs before anything is changed.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../builtins.ts";
import { UserError } from "../core/errors.ts";
import { IN_PACKAGE } from "../core/packaged.ts";
import { reason } from "../core/words.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { shown } from "./run_folder.ts";
import { LAUNCH, PACKAGE } from "./versions.ts";

/**
 * Writes the two files and prints how to use them. @returns the exit status 0 @throws UserError for a name
 * that cannot be, or that is taken
 */
export async function newCommand(host: Host, { name }: CommandOf<"new">): Promise<number> {
  const stem = basename(name).replace(/\.ts$/, "").replaceAll("-", "_");
  const rule = `plca new loss ${name}: loss names are small letters, digits, - and _, as in my_loss`;
  if (!/^[a-z][a-z0-9_]*$/.test(stem)) throw new UserError(rule);
  const folder = resolve(host.cwd, dirname(name));
  if (!await exists(folder)) throw new UserError(`${rule}; there is no folder ${dirname(name)}`);
  const plugin = stem.replaceAll("_", "-");
  if (builtins().all("loss").some((builtin) => builtin.name === plugin)) {
    throw new UserError(`plca new loss ${name}: plca has a loss called "${plugin}"; choose another name`);
  }
  const project = fileURLToPath(new URL("..", import.meta.url));
  const near = specifier(folder, project);
  const from = (module: string) => IN_PACKAGE ? PACKAGE : `${near}/${module}`;
  const files = [
    { path: join(folder, `${stem}.ts`), text: lossText(stem, from) },
    { path: join(folder, `${stem}_test.ts`), text: testText(stem, from) },
  ];
  for (const { path } of files) {
    if (await exists(path)) throw new UserError(`${shown(host, path)} exists already; choose another name`);
  }
  for (const { path, text } of files) {
    try {
      await Deno.writeTextFile(path, text, { createNew: true });
    } catch (cause) {
      throw new UserError(`${shown(host, path)} cannot be written: ${reason(cause)}`, { cause });
    }
  }
  const outside = relative(project, folder).startsWith("..");
  const config = outside && !IN_PACKAGE ? ` --config ${join(project, "deno.json")}` : "";
  // The package's module imports the decoder of images, which is native; its types want @types/node.
  const allowed = IN_PACKAGE
    ? "--no-check --allow-read --allow-env --allow-ffi --allow-sys"
    : "--allow-read --allow-env";
  const [loss, test] = files.map(({ path }) => shown(host, path));
  host.stdout.write(`Wrote ${loss} and ${test}\n`);
  host.stdout.write(`Test it:           ${LAUNCH} test${config} ${allowed} ${test}\n`);
  const entry = `{ use: ./${stem}.ts, weight: 0.1 }`;
  host.stdout.write("A recipe beside it that adds it to the losses of the one it extends:\n");
  host.stdout.write(`  extends: street\n  losses:\n    ${plugin}: ${entry}\n`);
  host.stdout.write("In a recipe that lists all its losses itself, as a further line of the list:\n");
  host.stdout.write(`    - ${entry}\n`);
  return 0;
}

/** Whether anything lies at a path, a dead link included. */
async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

/** The project's folder as an import in `folder` writes it. */
function specifier(folder: string, project: string): string {
  const path = relative(folder, project).split(sep).join("/");
  return path === "" ? "." : path.startsWith(".") ? path : `./${path}`;
}

/** The loss, in TypeScript. @param from where a module of plca is imported from */
function lossText(stem: string, from: (module: string) => string): string {
  const name = stem.replaceAll("_", "-");
  return `import type { PluginKit } from "${from("core/kit.ts")}";

/** Asks for sure predictions on the target: the mean of (1 - largest probability) ^ power over its pixels. */
export default ({ tf, z, definePlugin }: PluginKit) =>
  definePlugin({
    kind: "loss",
    name: "${name}",
    summary: "mean unsureness of the target's predictions",
    options: z.strictObject({
      power: z.number().positive().default(1).describe("above 1: unsure pixels count more"),
    }),
    plan: ({ power }, at) => ({
      needs: { taps: [{ name: "probabilities", space: "simplex", at }] },
      create: () => ({
        compute({ target }) {
          const surest = tf.max(target!.taps["probabilities"]!, -1);
          return { loss: tf.mean(tf.pow(tf.sub(1, surest), power)) };
        },
      }),
    }),
  });
`;
}

/** The test of that loss. @param from where a module of plca is imported from */
function testText(stem: string, from: (module: string) => string): string {
  const name = stem.replaceAll("_", "-");
  return `import assert from "node:assert/strict";
import { kit } from "${from("backends/plugin_kit.ts")}";
import { selectBackend } from "${from("backends/select.ts")}";
import type { StepContext } from "${from("core/plugin.ts")}";
import { Registry } from "${from("core/registry.ts")}";
import makeLoss from "./${stem}.ts";

Deno.test("${name} is lower where the network is surer", async () => {
  await selectBackend("cpu");
  const { tf } = kit;
  const term = new Registry([makeLoss(kit)]).plan("loss", "${name}").create({
    seed: 0,
    numClasses: 2,
    alignCorners: false,
    classes: ["a", "b"],
    taps: { probabilities: { channels: 2, stride: 8, space: "simplex" } },
    variable: (_, initial, trainable) => tf.variable(initial, trainable),
  });
  const value = (sure: number): number => {
    const probabilities = tf.tensor4d([sure, 1 - sure], [1, 1, 1, 2]);
    const view = { logits: tf.log(probabilities), taps: { probabilities } };
    const labels = tf.tensor3d([0], [1, 1, 1], "int32");
    const source = { ...view, labels };
    // What a loss may read beside these: core/step_context.ts, StepContext.
    const step = { step: 0, steps: 1, ignoreLabel: 255, source, target: view, view: () => source };
    return term.compute(step as unknown as StepContext).loss.dataSync()[0]!;
  };
  assert.ok(value(0.9) < value(0.6), \`\${value(0.9)} < \${value(0.6)}\`);
});
`;
}
