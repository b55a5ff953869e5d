/** Equations and sections of the paper (Kang et al. 2020): each place cites those that were checked against its text. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** By file. Another number belongs here once the paper has been read for it; other papers are cited without numbers. */
const CHECKED: Readonly<Record<string, readonly string[]>> = {
  "config/sections.ts": ["section 3.5"],
  "core/evaluation_plan.ts": ["section 3.5"],
  "core/plugin.ts": ["Eq. 1-10"],
  "docs/evaluation.md": ["section 3.5", "Eq. 2 and 3"],
  "docs/experiments.md": ["section 4.2", "Eq. 14", "Eq. 1-10", "section 3.3"],
  "docs/method.md": ["section 3.5"],
  "docs/performance.md": ["Eq. 5-6"],
  "docs/view.md": ["Eq. 5-6", "Eq. 7-8"],
  "losses/association.ts": ["Eq. 1-10 and 12", "Eq. 4 and 10", "Eq. 5-6", "Eq. 7", "Eq. 7-8"],
  "losses/cross_entropy.ts": ["Eq. 11"],
  "losses/label_smoothing.ts": ["Eq. 13", "section 4.2"],
  "losses/lovasz_softmax.ts": ["Eq. 11", "Eq. 14", "section 3.5"],
  "losses/similarity/cosine.ts": ["Eq. 1"],
  "losses/similarity/negative_kl.ts": ["Eq. 9"],
  "ops/association/aggregation.ts": ["Eq. 7-8"],
  "ops/association/contrast.ts": ["Eq. 5-6"],
  "ops/association/device/cycles.ts": ["Eq. 2 and 3"],
  "ops/association/device/row_kernels.ts": ["Eq. 5-6"],
  "ops/association/inspection.ts": ["Eq. 5-6"],
  "ops/association/level.ts": ["Eq. 5-6", "Eq. 7", "Eq. 7-8"],
  "ops/association/loss.ts": ["Eq. 1-6 and 10"],
  "ops/association/options.ts": ["Eq. 4 and 10", "Eq. 5-6"],
  "ops/association/outcome.ts": ["section 3.2"],
  "ops/association/streaming/association.ts": ["Eq. 4"],
  "ops/association/streaming/cycles.ts": ["Eq. 2 and 3"],
  "ops/association/streaming/row_kernels.ts": ["Eq. 5-6"],
  "ops/cross_entropy.ts": ["Eq. 11"],
  "ops/label_smoothing.ts": ["Eq. 13"],
  "recipes/ablation/5_plca.yaml": ["Eq. 14"],
  "recipes/methods/plca.yaml": ["Eq. 14"],
  "recipes/gtav_to_cityscapes.yaml": ["section 4.2"],
  "recipes/street.yaml": ["Eq. 14"],
  "train/consistent_cycles.ts": ["Eq. 2 and 3"],
  "train/predict.ts": ["section 3.5"],
};

const CITATION = /Eq\. \d+(?:-\d+)?(?:(?:,| and) \d+(?:-\d+)?)*|section \d+\.\d+/gi;

const root = fileURLToPath(new URL("../../", import.meta.url));

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    if (name.startsWith(".") || ["runs", "shared", "node_modules", "tests", "dist"].includes(name)) return [];
    return isDirectory ? filesBelow(`${folder}${name}/`) : [`${folder}${name}`];
  }).filter((path) => /\.(?:tsx?|md|yaml)$/.test(path));
}

Deno.test("every equation and section that is cited was checked against the paper", () => {
  const unchecked = filesBelow("").flatMap((path) => {
    const text = Deno.readTextFileSync(root + path).replace(/\s+(?:\* )?/g, " ");
    const cited = text.match(CITATION) ?? [];
    return cited.filter((one) => !CHECKED[path]?.includes(one)).map((one) => `${path}: ${one}`);
  });
  assert.deepEqual(unchecked, []);
});

Deno.test("docs/method.md: the equations of each part", () => {
  const rows = Deno.readTextFileSync(`${root}docs/method.md`).split("\n").filter((line) =>
    line.startsWith("|")
  );
  const numbers = rows.slice(2).map((row) => row.split("|").slice(1, 3).map((cell) => cell.trim()));
  assert.deepEqual(Object.fromEntries(numbers.filter(([, cited]) => /^\d/.test(cited!))), {
    association: "2-4, 10, 12",
    "contrast normalisation": "5-6",
    similarities: "1, 9",
    "spatial aggregation": "7-8",
    "cross-entropy, Lovasz-Softmax": "11",
    "label smoothing": "13",
    "full objective": "14",
  });
});
