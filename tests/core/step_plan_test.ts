import assert from "node:assert/strict";
import {
  lastPhase,
  type PhasePlan,
  type PlannedJob,
  type PlannedLoss,
  type PlannedNetwork,
  type PlannedStream,
} from "../../core/plan.ts";
import type { ModelPlan, Needs, OwnerPlan, ViewNeed } from "../../core/plugin.ts";
import {
  CircularStreamError,
  planPasses,
  planUpdates,
  readStreams,
  type StepParts,
  usedParts,
} from "../../core/step_plan.ts";
import { optimizerPlan, tinyData, tinyPlan } from "../train/fakes.ts";

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

Deno.test("a maker's view that lets gradients flow is no constant; other views of makers are", () => {
  const maker = (flows: boolean) =>
    made("mixed", { views: [{ stream: "target", flows }, { stream: "source" }] });
  const term = loss(of({ stream: "mixed", by: "teacher" }));
  const outlineOf = (flows: boolean) =>
    outline(parts([term], { streams: [maker(flows)], networks: [network("teacher")] }));
  assert.deepEqual(outlineOf(true), [["student target source *", "make mixed", "teacher mixed *"]]);
  assert.deepEqual(outlineOf(false), [["student target source", "make mixed", "teacher mixed *"]]);
});

Deno.test("updates are ordered as numbers, and without losses there is none", () => {
  const given = parts([10, 9, 1, 2].map((update) => loss(sourceOnly, update)));
  assert.deepEqual(planUpdates(given).map(({ update }) => update), [1, 2, 9, 10]);
  assert.deepEqual(planUpdates(parts([])), []);
  assert.deepEqual(planPasses(parts([]), []), { reads: [], entries: [] });
});

Deno.test("planPasses: images that are only looked at are read, and no network passes over them", () => {
  const { reads, entries } = planPasses(parts([]), [{ streams: ["source", "mixed"] }, {
    streams: ["target"],
  }]);
  assert.deepEqual([reads, entries], [["target", "source"], []]);
});

/** A phase with these parts beside target and source. */
function phase(more: Partial<PhasePlan>): PhasePlan {
  const whole = lastPhase(tinyPlan());
  return { ...whole, ...more, streams: [read("target"), read("source"), ...more.streams ?? []] };
}

/** What a phase keeps of its streams and networks, by name. */
function kept(given: PhasePlan, predicting?: string): [string[], string[]] {
  const { streams, networks } = usedParts(given, predicting);
  return [streams.map(({ name }) => name), networks.map(({ name }) => name)];
}

const all = {
  networks: [network("teacher"), network("guide")],
  streams: [made("mixed", sourceOnly), read("third")],
};

Deno.test("usedParts drops streams that no term needs and networks that nothing reads", () => {
  assert.deepEqual(kept(phase({ ...all, losses: [loss(sourceOnly)] })), [["source"], []]);
  const reading = loss(of({ stream: "mixed", by: "guide" }));
  assert.deepEqual(kept(phase({ ...all, losses: [reading] })), [["source", "mixed"], ["guide"]]);
  assert.deepEqual(kept(phase({ ...all, losses: [] })), [[], []]);
});

Deno.test("usedParts keeps a network that predicts, whose parameters are read, or that an owner trains", () => {
  const kindOf = (needs: Needs, owners: readonly OwnerPlan[] = []): PlannedLoss => ({
    ...loss(needs),
    plan: { needs, owners, create: unused },
  });
  const networksOf = (term: PlannedLoss, predicting?: string) =>
    kept(phase({ ...all, losses: [term] }), predicting)[1];
  assert.deepEqual(networksOf(loss(sourceOnly), "teacher"), ["teacher"]);
  assert.deepEqual(networksOf(kindOf({ ...sourceOnly, parameters: ["guide"] })), ["guide"]);
  const optimizer = optimizerPlan({ lr: 1 });
  assert.deepEqual(networksOf(kindOf(sourceOnly, [{ name: "own", optimizer, trains: "teacher" }])), [
    "teacher",
  ]);
  // The same of a stream that is made.
  const mixed: PlannedStream = {
    ...place("mixed"),
    plan: { needs: { ...sourceOnly, parameters: ["guide"] }, create: unused },
  };
  assert.deepEqual(kept(phase({ ...all, streams: [mixed], losses: [loss(of({ stream: "mixed" }))] }))[1], [
    "guide",
  ]);
});

Deno.test("usedParts keeps streams that jobs read, and those whose images a used one takes", () => {
  const job = { ...place("labels"), plan: { reads: ["third"], run: unused } } as PlannedJob;
  assert.deepEqual(kept(phase({ ...all, losses: [loss(sourceOnly)], before: [job] }))[0], [
    "source",
    "third",
  ]);
  const dataset = { ...tinyData(), streams: [{ stream: "third", at: [] }] };
  const joined: PlannedStream = { ...place("joined"), labels: true, dataset };
  const given = phase({
    ...all,
    streams: [...all.streams, joined],
    losses: [loss(of({ stream: "joined" }))],
  });
  assert.deepEqual(kept(given)[0], ["third", "joined"]);
});

Deno.test("usedParts leaves a phase alone whose needs are not known, or whose streams go in a circle", () => {
  const unknown = phase({ ...all, losses: [{ ...loss(sourceOnly), unrun: true }] });
  assert.equal(usedParts(unknown), unknown);
  const circle = phase({
    ...all,
    streams: [made("a", { streams: ["b"] }), made("b", { streams: ["a"] })],
    losses: [loss(of({ stream: "a" }))],
  });
  assert.equal(usedParts(circle), circle);
});
