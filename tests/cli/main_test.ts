import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { optionsSchema } from "../../config/entry_schema.ts";
import { EMBEDDED } from "../../config/embedded.ts";
import { builtins } from "../../builtins.ts";
import { KINDS } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";
import { ownFiles, root as project } from "../own_files.ts";
import { inFolder, plca } from "./fake_host.ts";

const here = { cwd: project };

const WRONG: readonly (readonly [args: string, message: string])[] = [
  ["trian", 'Error: "trian" is not expected here. Did you mean train?\n'],
  ["stats street", 'Error: "stats" is not expected here. Did you mean data stats?\n'],
  ["weights inspekt x", 'Error: "inspekt" is not expected here. Did you mean weights inspect?\n'],
  ["train --sett a=1", "Error: There is no option `--sett` here. Did you mean --set?\n"],
  ["train --steps 3", "Error: There is no option `--steps` here; other commands have it.\n"],
  ["eval --splitt=val", "Error: There is no option `--splitt` here. Did you mean --split?\n"],
  ["eval --split all", 'Error: `--split`: Expected one of "train", "val", and "test", but got "all".\n'],
  ["list los", 'Error: `KIND`: there is no kind called "los"; did you mean "loss"?\n'],
  [
    "list networks",
    'Error: `KIND`: there is no kind called "networks"; did you mean "network"?\n',
  ],
  ["list loss lovasz", 'there is no loss called "lovasz"; expected one of'],
  ["list loss cross-entrpy", 'there is no loss called "cross-entrpy"; did you mean "cross-entropy"?\n'],
  ["check stret", 'there is no recipe called "stret"; did you mean "street"?\n'],
  ["check gone.yaml", "the recipe gone.yaml cannot be read: there is no such file\n"],
  ["check tests", 'there is no recipe called "tests"; expected one of'],
  ["check ./tests", "the recipe tests cannot be read: it is a folder, expected a file\n"],
  ["train --name a/b", '--name a/b: expected letters, digits, ".", "_" and "-", as in my_run\n'],
  ["eval --run gone", "--run gone: there is no such folder\n"],
  ["eval --run tests", "tests is no run folder: it has no config.yaml; choose one with --run\n"],
  [
    "eval --runs gone",
    "there is no run with a checkpoint in gone; train one first: npx --yes deno@2.9.6 task plca train\n",
  ],
  ["eval --checkpoint gone", "--checkpoint gone: there is no such file\n"],
  [
    "eval --checkpoint deno.json",
    "--checkpoint deno.json: it lies in no run folder; name the recipe of its network with --recipe, or a run " +
    "with the same network with --run\n",
  ],
  [
    "eval --recipe street",
    "--recipe street: whose weights? name their file with --checkpoint\n",
  ],
  [
    "eval --recipe street --run x --checkpoint deno.json",
    "--recipe street: a run brings its own recipe; give --run or --recipe, not both\n",
  ],
  [
    "eval --run docs --checkpoint deno.json",
    "docs is no run folder: it has no config.yaml; choose one with --run\n",
  ],
  [
    "eval --recipe stret --checkpoint deno.json",
    'there is no recipe called "stret"; did you mean "street"?\n',
  ],
  ["predict docs --out x --runs gone", "there is no run with a checkpoint in gone; train one first: "],
  ["predict docs", "Error: "],
  ["predict", "Error: Which images? Expected at least one file, folder or pattern.\n"],
  ["table", "Error: Which runs? Expected at least one run folder or file.\n"],
  ["report", "Error: Which runs? Expected at least one run folder.\n"],
  ["data", "Error: What of the data? Expected check or stats.\n"],
  ["weights", "Error: What with weights? Expected inspect, import or export.\n"],
  [
    "completion",
    "Error: Expected install, or a shell whose script is printed: bash, zsh, fish, \nnu, pwsh.\n",
  ],
  [
    "predict x --out y --opacity 2",
    'Error: `--opacity`: Expected a value less than or equal to 1, but got "2".\n',
  ],
  [
    "new loss My_Loss",
    "plca new loss My_Loss: loss names are small letters, digits, - and _, as in my_loss\n",
  ],
  [
    "new loss Bad_Name/x",
    "plca new loss Bad_Name/x: loss names are small letters, digits, - and _, as in my_loss; " +
    "there is no folder Bad_Name\n",
  ],
  [
    "new loss cross_entropy",
    'plca new loss cross_entropy: plca has a loss called "cross-entropy"; choose another name\n',
  ],
];

for (const [args, message] of WRONG) {
  Deno.test(`plca ${args}: exit 2 and one message`, async () => {
    const { code, stdout, stderr } = await plca(args.split(" "), here);
    assert.equal(stdout, "");
    assert.equal(stderr.slice(0, message.length), message);
    assert.equal(code, 2);
  });
}

Deno.test("plca alone shows what --help does, -h is --help", async () => {
  const help = await plca(["--help"], here);
  assert.deepEqual(await plca([], here), help);
  assert.deepEqual(await plca(["-h"], here), help);
  assert.deepEqual(await plca(["train", "-h"], here), await plca(["train", "--help"], here));
  assert.match(help.stdout, /Usage: plca train /);
});

Deno.test("--help and --version go to standard output with status 0", async () => {
  const help = await plca(["--help"], here);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /train .*Train a recipe and compare on the target domain\./);
  const predict = await plca(["predict", "--help"], here);
  assert.match(
    predict.stdout.replace(/\s+/g, " "),
    /train ids from 0 on, or those of the label space, such as Cityscapes' 7 for road \(default: train\)\./,
  );
  const version = await plca(["--version"], here);
  assert.deepEqual([version.code, version.stdout], [0, "0.1.0\n"]);
});

Deno.test("a bug is told apart from a mistake: exit 1, stack and a line that says so", async () => {
  const broken = () => {
    throw new RangeError("disk on fire");
  };
  let first = true;
  const onWrite = () => first && (first = false, broken());
  const { code, stderr } = await plca(["check", "street"], { ...here, onWrite });
  assert.equal(code, 1);
  assert.match(stderr, /^RangeError: disk on fire\n {4}at /);
  assert.match(stderr, /\nThis is a bug in plca: nothing in your recipe or data should lead here\.\n$/);
});

Deno.test("the embedded recipes are exactly the files in recipes/, and none has a mistake", async () => {
  const found = ownFiles("recipes").flatMap((path) => /^recipes\/([^/]+)\.yaml$/.exec(path)?.[1] ?? []);
  assert.deepEqual(found, EMBEDDED.toSorted());
  for (const name of EMBEDDED) {
    const { code, stderr } = await plca(["check", name, "--set", "data.root=anywhere"], here);
    assert.deepEqual([name, code, stderr], [name, 0, ""]);
    const text = await Deno.readTextFile(join(project, "recipes", `${name}.yaml`));
    assert.match(text, /^# deno task plca train/);
    assert.match(text, /\n# Expected result: /);
  }
});

Deno.test("no variant of the ablation has a mistake, and each has a name of its own", async () => {
  const names = new Set<string>();
  for (const file of ownFiles("recipes/ablation")) {
    const path = join(project, file);
    const { code, stderr } = await plca(["check", path, "--set", "data.root=anywhere"], here);
    assert.deepEqual([file, code, stderr], [file, 0, ""]);
    names.add(parse(await Deno.readTextFile(path)).name);
  }
  assert.deepEqual([...names].toSorted(), [
    "features",
    "lovasz",
    "plca",
    "predictions",
    "sim-plca",
    "source-only",
    "without-aggregation",
  ]);
});

Deno.test("check runs no file that a recipe names", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "evil_loss.ts"), 'Deno.writeTextFileSync("proof", "");\n');
    await Deno.writeTextFile(
      join(folder, "mine.yaml"),
      "extends: street\nlosses:\n  - type: cross-entropy\n  - { use: ./evil_loss.ts, options: { any: 1 } }\n",
    );
    const { code, stdout, stderr } = await plca(["check", "mine.yaml"], { cwd: folder });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^ {2}objective {2}cross-entropy \+ evil-loss$/m);
    assert.ok(
      stdout.includes(
        "    minimise cross-entropy + evil-loss\n    update student\n" +
          "  incomplete what is above lacks what files that were not run read and train; --import shows it whole\n",
      ),
      stdout,
    );
    assert.match(stdout, /\n {2}not run {4}evil_loss\.ts; --import runs it, to check its options\n$/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(), [
      "evil_loss.ts",
      "mine.yaml",
    ]);
    await Deno.remove(join(folder, "evil_loss.ts"));
    const gone = await plca(["check", "mine.yaml"], { cwd: folder });
    assert.deepEqual([gone.code, gone.stderr], [
      2,
      `mine.yaml:4:12 losses[1].use: ${join(folder, "evil_loss.ts")}: there is no such file\n`,
    ]);
  }));

Deno.test("check sums a recipe up", async () => {
  const { stdout } = await plca(["check", "street", "--set", "training.steps=7"], here);
  assert.match(
    stdout,
    /^street: no mistakes found\n {2}objective {2}cross-entropy \+ 0\.75 lovasz-softmax \+ /,
  );
  assert.match(stdout, /\n {2}training {3}7 steps, batch \d+\n/);
  assert.ok(
    stdout.endsWith(
      "  step of source-only, 7 steps from the seed\n" +
        "    read source with labels\n" +
        "    student sees source\n" +
        "    minimise cross-entropy + 0.75 lovasz-softmax\n" +
        "    update student\n" +
        "  step of street, 7 steps from the seed\n" +
        "    read target, source with labels\n" +
        "    student sees target, source together: layer4, probabilities\n" +
        "    minimise cross-entropy + 0.75 lovasz-softmax + 0.1 association + 0.01 label-smoothing\n" +
        "    update student\n",
    ),
    stdout,
  );
});

Deno.test("list shows every plugin, its options with defaults and meaning, and its source", async () => {
  const { stdout } = await plca(["list"], here);
  const registry = builtins();
  for (const kind of KINDS) {
    for (const { name, summary, source } of registry.all(kind)) {
      assert.ok(stdout.includes(`\n  ${name}: ${summary}\n${source ? `    source: ${source}\n` : ""}`), name);
    }
  }
  const { stdout: one } = await plca(["list", "model", "deeplab-v2"], here);
  assert.match(one, /^model\n {2}deeplab-v2: /);
  assert.match(one, /\n {4}width \(number\) = 1 {2}factor on every channel count\n/);
  assert.ok(
    one.endsWith(
      "\n    taps, with these defaults\n" +
        "      stem: stride 2, features of any value\n" +
        "      pool: stride 4, features of any value\n" +
        "      layer1: stride 4, features of any value\n" +
        "      layer2: stride 8, features of any value\n" +
        "      layer3: stride 8, features of any value\n" +
        "      layer4: stride 8, features of any value\n" +
        "      logits: stride 8, features of any value\n" +
        "      probabilities: stride 8, probabilities\n",
    ),
    one,
  );
  assert.match(one, /\n {4}batch_norm \(train \| affine-frozen \| frozen\) = "train" {2}/);
});

Deno.test("every option of every plugin says what it means", () => {
  const registry = builtins();
  const silent: string[] = [];
  for (const plugin of KINDS.flatMap((kind) => registry.all(kind))) {
    const properties = optionsSchema(plugin.options)["properties"] ?? {};
    for (
      const [key, { description }] of Object.entries(properties as Record<string, { description?: string }>)
    ) {
      if (!description) silent.push(`${plugin.name}.${key}`);
    }
  }
  assert.deepEqual(silent, []);
});

Deno.test("schema prints a JSON Schema with every built-in loss", async () => {
  const { code, stdout } = await plca(["schema"], here);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  const losses: readonly { properties: { type?: { const: string } } }[] =
    schema.$defs.section_losses.anyOf[0].items.anyOf;
  assert.deepEqual(
    losses.map((loss) => loss.properties.type?.const),
    [...builtins().all("loss").map((plugin) => plugin.name), undefined],
  );
});

// In its own process: ONNX Runtime can be loaded by one isolate of a process only.
Deno.test("doctor lists the backends, memory and cores", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "plca", "doctor"],
    cwd: project,
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  assert.ok(success);
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^plca 0\.1\.0, deno \S+, \S+ \S+\nTensorFlow\.js \S+, ONNX Runtime \S+\n/);
  assert.match(text, /\ncores {3}\d+\nmemory {2}[\d.]+ GiB, [\d.]+ GiB free\nbackends\n/);
  for (const name of ["tensorflow", "webgpu", "native", "wasm", "cpu"]) {
    assert.match(text, new RegExp(`\n  ${name} +(found|software only|missing) +\\S`));
  }
});

Deno.test("a recipe's mistakes are printed with their places", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine.yaml"), "extends: street\nmodle: 3\ntraining:\n  steps: 0\n");
    const { code, stderr } = await plca(["train", "mine.yaml"], { cwd: folder });
    assert.equal(code, 2);
    assert.equal(
      stderr,
      'mine.yaml:2:1 modle: unknown key; did you mean "model"?\n' +
        "mine.yaml:4:10 training.steps: must be at least 1: it is 0\n",
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["mine.yaml"]);
  });
});

Deno.test("the JSON Schema accepts the embedded recipes and refuses what check refuses", async () => {
  const { stdout } = await plca(["schema"], here);
  const schema = z.fromJSONSchema(JSON.parse(stdout));
  for (const name of EMBEDDED) {
    const recipe = parse(await Deno.readTextFile(join(project, "recipes", `${name}.yaml`)));
    assert.deepEqual(schema.safeParse(recipe).error, undefined, name);
    assert.equal(schema.safeParse({ ...recipe, sede: 1 }).success, false);
    assert.equal(schema.safeParse({ ...recipe, losses: [{ type: "cross-entrpy" }] }).success, false);
    assert.equal(
      schema.safeParse({ ...recipe, losses: [{ type: "cross-entropy", weight: -1 }] }).success,
      false,
    );
  }
  const changes = (losses: unknown) => schema.safeParse({ extends: "street", losses }).success;
  assert.equal(
    changes({ association: { weight: 0.2 }, "lovasz-softmax": null, extra: { type: "entropy" } }),
    true,
  );
  assert.equal(changes({ association: { wieght: 0.2 } }), false);
  assert.equal(changes({ association: 0.2 }), false);
});
