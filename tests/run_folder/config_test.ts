import assert from "node:assert/strict";
import { configText, parseConfig } from "../../run_folder/config.ts";

Deno.test("configText: what it writes is read back as it was", () => {
  const recipe = {
    name: "yes: no # maybe",
    seed: 7,
    baseline: null,
    losses: [{ use: "./losses/own loss.ts", weight: 0.1, options: { at: "12:30", text: "a\nb\n" } }],
    long: "word ".repeat(60).trim(),
    deviation: [0.229, 1e-7, 3e20],
    "@": true,
  };
  const text = configText(recipe);
  assert.deepEqual(parseConfig(text), { text, parsed: recipe });
});

Deno.test("parseConfig: of a key that comes twice the later one counts", () => {
  const found = parseConfig("a: 1\nb: 2\na: 3\n");
  assert.deepEqual("parsed" in found && found.parsed, { a: 3, b: 2 });
});

Deno.test("parseConfig: damage is the first line of what the parser says", () => {
  const found = parseConfig("a: [1,\nb: 2\n");
  assert.ok(
    "damage" in found && !found.damage.includes("\n") && found.damage.length > 10,
    JSON.stringify(found),
  );
  for (const text of ["", "# only a remark\n", "- a\n", "7", "null", "text"]) {
    assert.deepEqual(parseConfig(text), { text, damage: "expected a mapping" });
  }
});

Deno.test("parseConfig: values may be nested a hundred deep, and there may be a hundred thousand", () => {
  const damage = (text: string) => {
    const found = parseConfig(text);
    return "damage" in found ? found.damage : undefined;
  };
  // The mapping itself is the first of them.
  const nested = (depth: number) => `a: ${"[".repeat(depth - 1)}1${"]".repeat(depth - 1)}`;
  assert.equal(damage(nested(100)), undefined);
  assert.equal(damage(nested(101)), "its values are nested deeper than 100");
  // A list of 999 a hundred times, the mapping, the list of lists, and what is left in a third list: quick to parse.
  const many = (values: number) => {
    const items = (count: number, item: string) => `[${Array(count).fill(item).join(",")}]`;
    return `a: &a ${items(999, "1")}\nb: ${items(98, "*a")}\nc: ${items(values - 99 * 1000 - 3, "1")}\n`;
  };
  assert.equal(damage(many(100_000)), undefined);
  assert.equal(damage(many(100_001)), "it has more than 100000 values");
});

Deno.test("parseConfig: an alias counts as what it stands for, and may come as often as it likes", () => {
  const laughs = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [k, name] of [..."bcdef"].entries()) {
    laughs.push(`${name}: &${name} [${Array(10).fill(`*${"abcde"[k]}`).join(", ")}]`);
  }
  const found = parseConfig(laughs.join("\n"));
  assert.ok("damage" in found, "a million values are refused");
  assert.deepEqual(parseConfig("a: &x { b: 1 }\nc: [*x, *x]\n"), {
    text: "a: &x { b: 1 }\nc: [*x, *x]\n",
    parsed: { a: { b: 1 }, c: [{ b: 1 }, { b: 1 }] },
  });
});
