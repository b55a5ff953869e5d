import assert from "node:assert/strict";
import type { PlannedLoss, PlannedNetwork, PlannedStream } from "../../core/plan.ts";
import type { ModelPlan, Needs, ViewNeed } from "../../core/plugin.ts";
import { CircularStreamError, planUpdates, readStreams, type StepParts } from "../../core/step_plan.ts";
import { tinyData } from "../train/fakes.ts";

const place = (name: string) => ({ name, at: [], origin: "recipe.yaml" });
const unused = () => {
  throw new Error("nothing is allocated");
};

function loss(needs: Needs, update?: number): PlannedLoss {
  return {
    ...place("loss"),
    weight: 1,
    plan: { needs, create: unused },
    ...(update === undefined ? {} : { update }),
  };
}

function read(name: string): PlannedStream {
  return { ...place(name), dataset: tinyData(), labels: name !== "target" };
}

function made(name: string, needs: Needs): PlannedStream {
  return { ...place(name), plan: { needs, create: unused } };
}

function network(name: string): PlannedNetwork {
  const model: ModelPlan = { featureTap: "logits", taps: unused, create: unused };
  return { ...place(name), plan: { training: true, start: "student" }, model };
}

/** Target and source are read; the losses, and what is there beside them. */
function parts(losses: readonly PlannedLoss[], more: Partial<StepParts> = {}): StepParts {
  return { networks: [], ...more, streams: [read("target"), read("source"), ...more.streams ?? []], losses };
}

/** Every entry in one line; `*` where gradients flow. */
function outline(given: StepParts): string[][] {
  return planUpdates(given).map(({ entries }) =>
    entries.map((entry) =>
      entry.kind === "make"
        ? `make ${entry.stream}`
        : [entry.by, ...entry.views.map(({ stream }) => stream), ...entry.gradient ? ["*"] : []].join(" ")
    )
  );
}

const of = (...views: ViewNeed[]): Needs => ({ views });
const short: Needs = { taps: [] };
const sourceOnly: Needs = { taps: [], target: false };

Deno.test("the short form: target and source together, in the order of the streams", () => {
  const both = parts([loss(short), loss(sourceOnly)]);
  assert.deepEqual(outline(both), [["student target source *"]]);
  assert.deepEqual(readStreams(both), ["target", "source"]);
  const alone = parts([loss(sourceOnly)]);
  assert.deepEqual(outline(alone), [["student source *"]]);
  assert.deepEqual(readStreams(alone), ["source"]);
});

Deno.test("a stream that a teacher's view is mixed into: teacher, mix, then the student at once", () => {
  const mixed = made("mixed", { views: [{ stream: "target", by: "teacher" }], streams: ["source"] });
  const given = parts([loss(sourceOnly), loss(of({ stream: "mixed" }))], {
    streams: [mixed],
    networks: [network("teacher")],
  });
  assert.deepEqual(outline(given), [["teacher target", "make mixed", "student source mixed *"]]);
  assert.deepEqual(readStreams(given), ["target", "source"]);
});

Deno.test("a stream that depends on the student: its views come first, and the made one's alone", () => {
  const mixed = made("mixed", { views: [{ stream: "target" }] });
  const term = loss(of({ stream: "mixed" }));
  assert.deepEqual(outline(parts([loss(sourceOnly), term], { streams: [mixed] })), [
    ["student target source *", "make mixed", "student mixed *"],
  ]);
  // Nobody but the stream reads that view, so it is a constant.
  assert.deepEqual(outline(parts([term], { streams: [mixed] })), [
    ["student target", "make mixed", "student mixed *"],
  ]);
});

Deno.test("streams of streams are made in their order, whatever the recipe's", () => {
  const given = parts([loss(of({ stream: "masked" }, { stream: "source" }))], {
    streams: [
      made("masked", { streams: ["translated"] }),
      made("translated", { streams: ["source", "target"] }),
    ],
  });
  assert.deepEqual(outline(given), [["make translated", "make masked", "student source masked *"]]);
  assert.deepEqual(readStreams(given), ["target", "source"]);
});

Deno.test("networks pass in the recipe's order, over all streams that are ready", () => {
  const given = parts([
    loss(of({ stream: "mixed", by: "teacher" }, { stream: "source", by: "frozen" })),
    loss(of({ stream: "target", by: "teacher" }, { stream: "source", by: "teacher" })),
  ], {
    streams: [made("mixed", { streams: ["source"] })],
    networks: [network("frozen"), network("teacher")],
  });
  assert.deepEqual(outline(given), [[
    "frozen source *",
    "teacher target source *",
    "make mixed",
    "teacher mixed *",
  ]]);
});

Deno.test("what nobody reads is neither read, made nor passed", () => {
  const given = parts([loss(sourceOnly)], {
    streams: [made("mixed", short), read("third")],
    networks: [network("teacher")],
  });
  assert.deepEqual(outline(given), [["student source *"]]);
  assert.deepEqual(readStreams(given), ["source"]);
});

Deno.test("a view has what each of its readers asks for", () => {
  const [update] = planUpdates(parts([
    loss({ taps: [{ name: "layer4" }], target: false }),
    loss(of({ stream: "source", labelResolution: true, taps: [{ name: "layer3" }] })),
  ]));
  const [entry] = update!.entries;
  assert.deepEqual(entry, {
    kind: "view",
    by: "student",
    gradient: true,
    views: [{
      stream: "source",
      by: "student",
      taps: [{ name: "layer4" }, { name: "layer3" }],
      labelResolution: true,
      labels: true,
    }],
  });
});

Deno.test("updates come in the order of their numbers, each with its own losses and list", () => {
  const given = parts([loss(of({ stream: "target" }), 2), loss(sourceOnly), loss(short, 2)]);
  const updates = planUpdates(given);
  assert.deepEqual(updates.map(({ update, losses, reads }) => [update, losses.length, reads]), [
    [1, 1, ["source"]],
    [2, 2, ["target", "source"]],
  ]);
  assert.deepEqual(outline(given), [["student source *"], ["student target source *"]]);
});

Deno.test("a stream that is made from itself is refused with the way round", () => {
  const circle = [
    made("a", { streams: ["b"] }),
    made("b", of({ stream: "c" })),
    made("c", { streams: ["b"] }),
  ];
  assert.throws(() => planUpdates(parts([loss(of({ stream: "a" }))], { streams: circle })), (error) => {
    assert.ok(error instanceof CircularStreamError);
    assert.deepEqual([error.way, error.message], [["b", "c", "b"], "b from c from b"]);
    return true;
  });
  const self = [made("a", of({ stream: "a" }))];
  assert.throws(() => planUpdates(parts([loss(of({ stream: "a" }))], { streams: self })), {
    message: "a from a",
  });
  // Nobody needs it.
  assert.deepEqual(outline(parts([loss(sourceOnly)], { streams: circle })), [["student source *"]]);
});

Deno.test("names that do not exist are passed over: whoever reads a recipe reports them", () => {
  const given = parts([
    loss(of({ stream: "nowhere" }, { stream: "source", by: "nobody" }, { stream: "source" })),
    loss(of({ stream: "mixed" })),
  ], { streams: [made("mixed", { streams: ["nothing", "source"] })] });
  assert.deepEqual(outline(given), [["make mixed", "student source mixed *"]]);
});
