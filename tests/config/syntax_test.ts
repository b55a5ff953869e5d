import assert from "node:assert/strict";
import { mistakes } from "./fakes.ts";

const CASES: readonly (readonly [what: string, text: string, message: string])[] = [
  ["nothing", "", "recipes/bad.yaml:1:1: the recipe is empty"],
  ["only a comment", "# later\n", "recipes/bad.yaml:1:1: the recipe is empty"],
  [
    "a single value",
    "hello",
    "recipes/bad.yaml:1:1: a recipe is a mapping with keys such as data, model and losses: this is a single value",
  ],
  [
    "a list",
    "- a\n- b",
    "recipes/bad.yaml:1:1: a recipe is a mapping with keys such as data, model and losses: this is a list",
  ],
  ["a tab", "a:\n\tb: 1", "recipes/bad.yaml:2:1: tabs cannot indent YAML; use spaces"],
  [
    "a key twice",
    "seed: 1\nseed: 2\n",
    "recipes/bad.yaml:2:1: this key is given twice in one mapping; keep one",
  ],
  [
    "two documents",
    "seed: 1\n---\nseed: 2\n",
    "recipes/bad.yaml:2:1: a recipe is one YAML document; remove what follows `---`",
  ],
  [
    "a dash one column to the left",
    "losses:\n  - type: a\n - type: b\n   weight: 1\ntraining:\n  steps: 1\n",
    "recipes/bad.yaml:3:1: not valid YAML: a block sequence may not be used as an implicit map key; " +
    "check the indentation of this line",
  ],
  [
    "a dash one column to the right",
    "losses:\n  - type: a\n   - type: b\n    weight: 1\n",
    "recipes/bad.yaml:3:4: not valid YAML: all sequence items must start at the same column; " +
    "check the indentation of this line",
  ],
  [
    "a key one column to the left",
    "losses:\n  - type: a\n    weight: 1\n   options: 3\n",
    "recipes/bad.yaml:4:1: not valid YAML: sequence item without - indicator; check the indentation of this line",
  ],
  [
    "a key one column to the right",
    "input:\n  crop: 1\n   flip: true\n",
    "recipes/bad.yaml:2:9: not valid YAML: nested mappings are not allowed in compact mappings; " +
    "check the indentation of this line",
  ],
  [
    "two keys twice",
    "seed: 1\nseed: 2\nseed: 3\n",
    "recipes/bad.yaml:2:1: this key is given twice in one mapping; keep one",
  ],
  ["an unknown tag", "a: !foo 3", "recipes/bad.yaml:1:4: not valid YAML: unresolved tag: !foo"],
  ["a missing anchor", "a: *x", "recipes/bad.yaml:1:1: there is no anchor &x before this alias"],
  ["an alias in itself", "a: &x\n  b: *x", "recipes/bad.yaml:2:3: the alias *x contains itself"],
];

for (const [what, text, message] of CASES) {
  Deno.test(`YAML: ${what}`, async () => {
    assert.equal(await mistakes({ path: "recipes/bad.yaml", files: { "/recipes/bad.yaml": text } }), message);
  });
}

Deno.test("YAML: aliases that multiply are refused instead of filling the memory", async () => {
  let text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (let k = 1; k < 9; k++) {
    text += `a${k}: &a${k} [${Array.from({ length: 10 }, () => `*a${k - 1}`).join(", ")}]\n`;
  }
  const message = await mistakes({ path: "bomb.yaml", files: { "/bomb.yaml": text } });
  assert.match(message, /^bomb\.yaml:\d+:\d+: the aliases of this document expand to too many values$/);
});
