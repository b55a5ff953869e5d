/** What a job may write as labels, and whose dataset it reads. */
import assert from "node:assert/strict";
import { LossError } from "../../core/errors.ts";
import type { RunPlan } from "../../core/plan.ts";
import type { DatasetPlan, JobFiles, JobImage } from "../../core/plugin.ts";
import { softOf } from "../../core/soft_labels.ts";
import { jobDataset } from "../../train/jobs.ts";
import { LabelWriter } from "../../train/label_writer.ts";

const space = { name: "two", classes: ["road", "car"], ignore: 255 };

Deno.test("LabelWriter writes train ids and the ignore label, and refuses everything else", async () => {
  const folder = `${await Deno.makeTempDir()}/labels`;
  const image = (index: number) => ({ id: `image ${index}`, index, width: 2, height: 1 }) as JobImage;
  const writer = new LabelWriter('job "mine"', { folder, space });
  await writer.begin();
  await writer.write(image(0), Uint8Array.of(1, 255));
  await writer.writeSoft(image(1), softOf(Uint8Array.of(1, 255), 255));
  const refused = (message: string, write: () => Promise<void>) =>
    assert.rejects(write, new LossError(message));
  await refused(
    'job "mine" wrote 3 labels for image 2, expected 2x1 of them',
    () => writer.write(image(2), Uint8Array.of(0, 0, 0)),
  );
  await refused(
    'job "mine" wrote the label 2 for image 2, expected 0 to 1, or 255 for none',
    () => writer.write(image(2), Uint8Array.of(0, 2)),
  );
  await refused(
    'job "mine" wrote a share of the class 2 for image 2, expected 0 to 1',
    () => writer.writeSoft(image(2), softOf(Uint8Array.of(0, 2), 255)),
  );
  await refused(
    'job "mine" wrote 8 bytes of distributions for image 2, expected 2x1 pixels of 8',
    () => writer.writeSoft(image(2), softOf(Uint8Array.of(0), 255)),
  );
  await refused(
    'job "mine" wrote labels for image 0 twice, expected once',
    () => writer.write(image(0), Uint8Array.of(0, 0)),
  );
  await writer.end();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("jobDataset: a job that makes its phase's target reads the recipe's target", () => {
  const target = {} as DatasetPlan;
  const given: JobFiles[] = [];
  const job = {
    name: "label",
    at: [],
    origin: "./my_job.ts",
    plan: { reads: ["target"], dataset: (files: JobFiles) => (given.push(files), files.datasets["target"]) },
  };
  const phase = {
    name: "tiny",
    before: [job],
    streams: [{ name: "target", at: [], origin: "", job: "label" }],
  };
  const plan = { phases: [phase], data: { target } } as unknown as RunPlan;
  assert.equal(jobDataset({ plan, runDir: "/run" }, "label"), target);
  assert.equal(given.length, 1);
});
