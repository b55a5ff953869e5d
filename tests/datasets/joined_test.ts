/** Images of several streams in one. */
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { Dataset } from "../../core/plugin.ts";

function numbered(name: string, length: number): Dataset {
  return {
    length,
    read: (index) =>
      Promise.resolve({
        id: `${index}`,
        width: 1,
        height: 1,
        image: new Uint8Array(3).fill(index),
        labels: new Uint8Array(1),
      }),
    ids: Array.from({ length }, (_, k) => `${name} ${k}`),
  };
}

const streams: Readonly<Record<string, Dataset>> = {
  source: numbered("source", 40),
  pseudo: numbered("pseudo", 3),
};

async function idsOf(share: number, { seed = 1, draws = "round-1/mixed" } = {}) {
  const plan = builtins().plan("dataset", {
    type: "joined",
    options: { of: [{ stream: "source", share, mark: 0 }, { stream: "pseudo" }] },
  });
  const open = await plan.open({
    root: "",
    seed,
    draws,
    files: { read: () => Promise.reject(), list: () => Promise.reject() },
    stream: (name) => Promise.resolve(streams[name]!),
  });
  const samples = await Promise.all(
    Array.from({ length: open.length }, (_, k) => open.read(k, { labels: true })),
  );
  return samples.map(({ id, mark }) => `${id} ${mark}`);
}

Deno.test("a share of one and all of the other, with their streams' names and marks", async () => {
  const ids = await idsOf(0.1);
  assert.equal(ids.length, 7);
  assert.ok(ids.slice(0, 4).every((id) => /^source\/\d+ 0$/.test(id)), ids.join());
  assert.deepEqual(ids.slice(4), ["pseudo/0 1", "pseudo/1 1", "pseudo/2 1"]);
  assert.equal(new Set(ids).size, 7);
  // At least one.
  assert.equal((await idsOf(0.001)).length, 4);
  assert.equal((await idsOf(1)).length, 43);
});

Deno.test("the share follows from the seed and the phase alone", async () => {
  const first = await idsOf(0.2);
  assert.deepEqual(await idsOf(0.2), first);
  assert.notDeepEqual(await idsOf(0.2, { seed: 2 }), first);
  assert.notDeepEqual(await idsOf(0.2, { draws: "round-2/mixed" }), first);
});

Deno.test("what a stream's files leave open is told with its name", async () => {
  const plan = builtins().plan("dataset", {
    type: "joined",
    options: { of: [{ stream: "source" }, { stream: "pseudo" }] },
  });
  const open = await plan.open({
    root: "",
    seed: 1,
    files: { read: () => Promise.reject(), list: () => Promise.reject() },
    stream: (name) =>
      Promise.resolve(
        name === "pseudo"
          ? streams["pseudo"]!
          : { ...streams["source"]!, survey: () => Promise.resolve(["3 of 40 images"]) },
      ),
  });
  assert.deepEqual(await open.survey!(), ["source: 3 of 40 images"]);
});

Deno.test("what its parts pass over is told with their streams' names", async () => {
  const taken = [{ place: "photos", as: "images", of: 4, taken: 3, passedOver: [] } as const];
  const plan = builtins().plan("dataset", {
    type: "joined",
    options: { of: [{ stream: "source" }, { stream: "pseudo" }] },
  });
  const dataset = await plan.open({
    root: "",
    seed: 1,
    files: { read: () => Promise.reject(), list: () => Promise.reject() },
    stream: (name) => Promise.resolve(name === "pseudo" ? { ...streams[name]!, taken } : streams[name]!),
  });
  assert.deepEqual(dataset.taken, [{ ...taken[0], place: "pseudo: photos" }]);
});
