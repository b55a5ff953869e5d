/** What the table of methods says of itself, from runs that are made up. */
import assert from "node:assert/strict";
import { againstPaper, besidePlain, type Method, snapshots } from "../../bench/method_notes.ts";
import type { KeptRun } from "../../bench/method_runs.ts";

/** @param shares mIoU in percent, a seed each @param more what matters of the plan: terms, lengths */
function method(
  name: string,
  shares: readonly number[],
  more: { paper?: string; terms?: readonly string[]; validations?: number; picks?: KeptRun["picks"] } = {},
): Method {
  const { paper, terms = [], validations = 2, picks = {} } = more;
  const phase = {
    losses: terms.map((name) => ({ name })),
    training: { steps: 10 * validations, validateEvery: 10 },
  };
  const runs = shares.map((share, seed): KeptRun => ({
    ...{ name, seed, miou: share / 100, iou: [], picks, date: "2026-01-01", commit: "0000000" },
  }));
  const plan = { phases: [phase] } as unknown as Method["plan"];
  return { name, title: name.toUpperCase(), kind: "-", paper, plan, runs };
}

Deno.test("on how many of the common seeds source-only is beaten, and who learns from the source otherwise", () => {
  const plain = method("plain", [20, 20, 20], { terms: ["lovasz-softmax"] });
  const all = [
    plain,
    method("good", [21, 22, 23], { terms: ["lovasz-softmax"] }),
    method("mixed", [30, 19, 19]),
    method("one", [10]),
  ];
  const [text] = besidePlain(all, plain);
  assert.match(
    text!,
    /^Above PLAIN on every seed that both have are all but MIXED \(on 1 of 3, \+2\.7 in the mean\), ONE \(on 0 of 1, -10\.0 in the mean\)\. .*; 2 methods, /,
  );
  assert.match(besidePlain(all.slice(0, 2), plain)[0]!, /^Every method is above PLAIN on every seed/);
  assert.deepEqual(besidePlain(all, undefined), []);
});

Deno.test("pairs against the paper's order are sorted by how sure they are", () => {
  const rows = (shares: Readonly<Record<string, readonly number[]>>) =>
    Object.entries(shares).map(([paper, list]) => method(paper, list, { paper }));
  // The paper: AdaptSeg 42.4, CLAN 43.2, ADVENT 45.5, CRST 47.1.
  const [text = ""] = againstPaper([
    ...rows({ CRST: [10, 11, 12], ADVENT: [30, 40, 50], CLAN: [31, 41, 51], AdaptSeg: [45, 30, 52] }),
    method("without", [99]),
  ]);
  assert.match(text, /of its 6 pairs 6 stand the other way round here\./);
  const beyond = "CRST below ADVENT by 29.0, CLAN by 30.0, ADAPTSEG by 31.3";
  assert.ok(text.includes(`By more than the sum of both sample deviations: ${beyond}.`), text);
  assert.ok(text.includes("By less, but on every seed: ADVENT below CLAN by 1.0."), text);
  assert.ok(
    text.includes(
      "By less, and not on every seed: ADVENT below ADAPTSEG by 2.3; CLAN below ADAPTSEG by 1.3.",
    ),
    text,
  );
  assert.deepEqual(againstPaper(rows({ CLAN: [1] })), []);
});

Deno.test("what a choice of snapshots gains is of the runs that have a choice", () => {
  const text = snapshots([
    method("several", [1, 1], { picks: { last: 0.3, best: 0.32, entropy: 0.29 } }),
    method("single", [1, 1, 1], { picks: { last: 0.5, best: 0.5, entropy: 0.5 }, validations: 1 }),
  ]);
  assert.match(text, /over the 2 of 5 runs whose last phase has more than one validation/);
  assert.match(text, /: labels \+2\.00; mean entropy -1\.00\.$/);
});
