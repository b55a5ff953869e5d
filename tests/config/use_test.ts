/** `use: FILE` in entries of every kind. */
import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import { stringify } from "yaml";
import type { Kind, Plugin } from "../../core/plugin.ts";
import { drawn, flat, GOOD, load, mistakes, net, plainLoss, registry, steps, tapLoss } from "./fakes.ts";

const dot = registry.get("similarity", "dot", []);
const MINE: readonly Plugin[] = [drawn, flat, net, plainLoss, steps, dot].map((plugin) =>
  ({ ...plugin, name: `my-${plugin.name}` }) as Plugin
);

/** The good recipe with each kind's first entry taken from a file; `data.val` has none, or the classes of both were compared. */
const ENTRIES: readonly (readonly [kind: Kind, old: string, text: string, path: string])[] = [
  ["loss", "- type: plain", "- use: ./mine.ts", "9:10 losses[0].use"],
  ["model", "{ type: net }", "{ use: ./mine.ts, options: { width: 2 } }", "7:15 model.use"],
  ["optimizer", "{ type: steps }", "{ use: ./mine.ts, options: { lr: 3 } }", "16:19 optimizer.use"],
  ["schedule", "{ type: flat }", "{ use: ./mine.ts }", "17:18 schedule.use"],
  ["dataset", "source: { type: drawn }", "source: { use: ./mine.ts, domain: dusk }", "2:18 data.source.use"],
  [
    "similarity",
    "similarity: dot",
    "similarity: { use: ./mine.ts, options: { power: 2 } }",
    "14:47 losses[1].options.levels[0].similarity.use",
  ],
];

const used = (old: string, text: string) => ({ "/recipes/good.yaml": GOOD.replace(old, text) });

Deno.test("entries of all kinds take their plugin from one file, which is recorded by its whole path", async () => {
  const text = ENTRIES.reduce((recipe, [, old, entry]) => recipe.replace(old, entry), GOOD);
  const asked: string[] = [];
  const importPlugin = (path: string) => {
    asked.push(path);
    return Promise.resolve(MINE);
  };
  const plan = await load({ files: { "/recipes/good.yaml": text }, importPlugin });
  assert.deepEqual(asked, ["/recipes/mine.ts"]);
  assert.equal(plan.model.type, "my-net");
  assert.equal(lastPhase(plan).losses[0]!.name, "my-plain");
  assert.equal(plan.data.origins!.get(plan.data.source)!.plugin.name, "my-drawn");
  const again = await load({
    path: "runs/a/config.yaml",
    files: { "/runs/a/config.yaml": stringify(plan.resolved) },
    importPlugin,
  });
  assert.deepEqual(again.resolved, plan.resolved);
  const { model, optimizer, data, losses } = plan.resolved as Record<string, Record<string, unknown>>;
  const use = "/recipes/mine.ts";
  assert.deepEqual(model, { use, options: { width: 2 } });
  assert.deepEqual(optimizer, { use, options: { lr: 3 } });
  assert.deepEqual(data!["source"], { use, classes: ["road", "car"], domain: "dusk" });
  assert.match(JSON.stringify(losses), /"similarity":\{"use":"\/recipes\/mine.ts","options":\{"power":2\}\}/);
});

for (const [kind, old, text, at] of ENTRIES) {
  Deno.test(`use: at a ${kind} is refused where the file has none or several, and not run where files are not`, async () => {
    const files = used(old, text);
    const other = { ...(kind === "model" ? flat : net), name: "odd" } as Plugin;
    assert.equal(
      await mistakes({ files, importPlugin: () => Promise.resolve([other]) }),
      `recipes/good.yaml:${at}: expected a file with one ${kind}: /recipes/mine.ts defines the ${other.kind} "${other.name}"`,
    );
    const mine = MINE.find((plugin) => plugin.kind === kind)!;
    assert.equal(
      await mistakes({ files, importPlugin: () => Promise.resolve([mine, { ...mine, name: "second" }]) }),
      `recipes/good.yaml:${at}: expected a file with one ${kind}: /recipes/mine.ts defines the ${kind} "${mine.name}", ` +
        `the ${kind} "second"`,
    );
    assert.equal(
      await mistakes({ files }),
      `recipes/good.yaml:${at}: files with plugins cannot be loaded here`,
    );
    // Whatever is not run may be anything, so only mistakes elsewhere are found.
    const unrun = { importPlugin: () => Promise.resolve(undefined) };
    await load({ files, ...unrun });
    const wrong = { "/recipes/good.yaml": files["/recipes/good.yaml"].replace("steps: 10", "steps: 0") };
    assert.equal(
      await mistakes({ files: wrong, ...unrun }),
      "recipes/good.yaml:19:10 training.steps: must be at least 1: it is 0",
    );
  });
}

Deno.test("a used file's other plugins have their names; only a loss may be called like one of plca", async () => {
  const files = used("- type: plain", "- use: ./mine.ts");
  const importing = (name: string) => ({
    files,
    importPlugin: () => Promise.resolve([{ ...tapLoss, name: "plain" }, { ...steps, name }]),
  });
  const plan = await load({
    ...importing("own"),
    set: ["optimizer.type=own", "baseline.losses=[{type: plain}]"],
  });
  assert.deepEqual((plan.resolved["optimizer"] as Record<string, unknown>)["type"], "own");
  // By its name it is plca's, which reads no tap.
  assert.deepEqual(plan.phases[0]!.losses[0]!.plan.needs.taps, []);
  assert.equal(
    await mistakes(importing("steps")),
    'recipes/good.yaml:16:20 optimizer.type: both plca and /recipes/mine.ts define an optimizer called "steps"; rename yours',
  );
});

Deno.test("a model's plan that is broken is its file's mistake", async () => {
  const files = used("{ type: net }", "{ use: ./mine.ts }");
  const broken = (plan: () => unknown) => ({
    files,
    importPlugin: () => Promise.resolve([{ ...net, plan } as Plugin]),
  });
  assert.equal(
    await mistakes(broken(() => ({ featureTap: "a", taps: () => ({}) }))),
    "recipes/good.yaml:7:1 model.options: /recipes/mine.ts: plan returned no create function; " +
      "expected {taps, featureTap, create}",
  );
});

Deno.test("a recipe replaces the type it extends by a file of its own, and the options with it", async () => {
  const child = (text: string) => ({ "/recipes/child.yaml": `extends: ./good.yaml\n${text}` });
  const path = "recipes/child.yaml";
  const importPlugin = () => Promise.resolve(MINE);
  const files = child("model: { use: ./mine.ts }\nlosses: { tapped: { use: ./mine.ts } }\n");
  const { resolved } = await load({ path, files, importPlugin, set: ["losses.plain="] });
  assert.deepEqual(resolved["model"], { use: "/recipes/mine.ts", options: { width: 1 } });
  assert.deepEqual(resolved["losses"], [
    { use: "/recipes/mine.ts", name: "my-plain", weight: 0.5, options: {} },
  ]);
});
