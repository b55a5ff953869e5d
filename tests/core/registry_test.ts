/** How plugins are found, their options read, and mistakes placed. */
import assert from "node:assert/strict";
import { ConfigError, UserError } from "../../core/errors.ts";
import { definePlugin, type Kind, KINDS, type OptimizerPlan, type Plugin } from "../../core/plugin.ts";
import { choiceName, pluginChoice } from "../../core/plugin_choice.ts";
import { choiceParts, Registry } from "../../core/registry.ts";
import { z } from "../../core/schema.ts";

/** What `plan` was called with. */
interface Planned {
  readonly options: unknown;
  readonly at: readonly (string | number)[];
  readonly registry: unknown;
}

/** A plugin of any kind that plans nothing but what it was given. */
function plugin(kind: Kind, name: string): Plugin {
  return definePlugin({
    kind: kind as "optimizer",
    name,
    summary: "",
    options: z.strictObject({
      rate: z.number().positive().default(2),
      inner: z.strictObject({ list: z.array(z.number()) }).optional(),
    }),
    plan: (options, at, registry) => ({ options, at, registry }) as Planned as unknown as OptimizerPlan,
  }) as unknown as Plugin;
}

const registry = new Registry([
  plugin("optimizer", "sgd"),
  plugin("schedule", "sgd"),
  plugin("optimizer", "adam"),
  plugin("optimizer", "momentum"),
]);

function planned(choice: Parameters<Registry["plan"]>[1], at?: readonly (string | number)[]): Planned {
  return registry.plan("optimizer", choice, at) as unknown as Planned;
}

function mistakes(choice: Parameters<Registry["plan"]>[1], at?: readonly (string | number)[]): string {
  try {
    planned(choice, at);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail("it was planned");
}

Deno.test("Registry: two plugins of one kind may not share a name, of two kinds they may", () => {
  assert.throws(
    () => new Registry([plugin("loss", "a"), plugin("model", "a"), plugin("loss", "a")]),
    new UserError('Two loss plugins are called "a"'),
  );
});

Deno.test("Registry.all: the plugins of a kind in the order given; without a kind all", () => {
  assert.deepEqual(registry.all("optimizer").map(({ name }) => name), ["sgd", "adam", "momentum"]);
  assert.deepEqual(registry.all().map(({ kind }) => kind), [
    "optimizer",
    "schedule",
    "optimizer",
    "optimizer",
  ]);
  assert.deepEqual(registry.all("loss"), []);
});

Deno.test("Registry.get: the plugin of that kind; an unknown name is an error with the nearest one", () => {
  assert.equal(registry.get("schedule", "sgd", []).kind, "schedule");
  assert.throws(
    () => registry.get("optimizer", "adan", ["optimizer", "type"]),
    new ConfigError([{
      path: ["optimizer", "type"],
      message: 'there is no optimizer called "adan"; did you mean "adam"?',
    }]),
  );
  assert.equal(
    mistakes("lion-with-wings"),
    'there is no optimizer called "lion-with-wings"; expected one of sgd, adam, momentum',
  );
  assert.throws(() => registry.get("loss", "ce", []), { message: 'there is no loss called "ce"' });
});

Deno.test("Registry.plan: options get their defaults, and a plan its position and the registry", () => {
  const byName = planned("sgd", ["optimizer"]);
  assert.deepEqual(byName.options, { rate: 2 });
  assert.deepEqual(byName.at, ["optimizer"]);
  assert.equal(byName.registry, registry);
  const byMapping = planned({ type: "sgd", options: { rate: 3 } }, ["optimizer"]);
  assert.deepEqual([byMapping.options, byMapping.at], [{ rate: 3 }, ["optimizer", "options"]]);
  assert.deepEqual([null, undefined].map((options) => planned({ type: "sgd", options }).options), [
    { rate: 2 },
    { rate: 2 },
  ]);
  assert.deepEqual(planned("sgd").at, []);
});

Deno.test("Registry.plan: every mistake of the options is told at its position, all together", () => {
  const wrong = { rate: -1, inner: { list: [1, "2"] } };
  assert.equal(
    mistakes({ type: "sgd", options: wrong }, ["phases", 0, "optimizer"]),
    "phases[0].optimizer.options.rate: Too small: expected number to be >0\n" +
      "phases[0].optimizer.options.inner.list[1]: Invalid input: expected number, received string",
  );
  assert.equal(mistakes({ type: "sgdd" }, ["optimizer"]).split(":")[0], "optimizer.type");
  assert.equal(mistakes("sgdd", ["optimizer"]).split(":")[0], "optimizer");
});

Deno.test("Registry.plan: a choice without a type is refused where it stands", () => {
  assert.equal(mistakes({ options: {} }, ["optimizer"]), "optimizer: expected the optimizer's type");
});

Deno.test("choiceParts: of a name alone, type and options stand where the name does", () => {
  const named = choiceParts("sgd", ["a"]);
  assert.deepEqual([named.type, named.path("type"), named.path("options")], ["sgd", ["a"], ["a"]]);
  const mapping = choiceParts({ use: "/x.ts" }, ["a"]);
  assert.deepEqual([mapping.type, mapping.use, mapping.path("use")], [undefined, "/x.ts", ["a", "use"]]);
});

Deno.test("pluginChoice: a name, a type with options, or a file; choiceName says what is named", () => {
  const schema = pluginChoice("similarity");
  const good = ["cosine", { type: "cosine" }, { use: "a.ts", options: { a: 1 } }, {
    type: "a",
    options: null,
  }];
  for (const choice of good) assert.deepEqual(schema.parse(choice), choice);
  for (const choice of ["", 3, { type: "" }, { type: "a", option: {} }, { type: "a", options: [] }]) {
    assert.ok(!schema.safeParse(choice).success, JSON.stringify(choice));
  }
  assert.deepEqual(schema.meta(), { plugin: "similarity" });
  const names = ["cosine", { type: "a" }, { use: "b.ts" }, {}].map(choiceName);
  assert.deepEqual(names, ["cosine", "a", "b.ts", ""]);
});

Deno.test("definePlugin returns the plugin itself, and KINDS lists each kind once", () => {
  const given = {
    kind: "network",
    name: "a",
    summary: "",
    options: z.strictObject({}),
    plan: () => ({}) as never,
  } as const;
  assert.equal(definePlugin(given) as unknown, given);
  assert.equal(new Set(KINDS).size, 9);
});
