/**
 * Networks beside the student that do not follow it: one that stays as it is, and one that has an optimiser
 * of its own.
 */
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * A network that nothing changes: with the weights of a file, such as an encoder trained on ImageNet, or a
 * copy of the student as it is when the phase begins. Its passes use the running statistics; no gradient
 * reaches its weights.
 */
export const frozen = definePlugin({
  kind: "network",
  name: "frozen",
  summary: "a network that stays as it is: of a file (weights:), or the student as the phase begins",
  options: z.strictObject({
    start: z.enum(["weights", "student"]).default("weights")
      .describe("weights: those of the file that the entry names; student: a copy of it"),
  }),
  plan: ({ start }) => ({ training: false, start }),
});

/**
 * A second network that an owner trains (`trains: NAME` in a plugin's plan), such as an auxiliary model or a
 * second student. Its passes in training use the batch's statistics if the model's policy is to, and move its
 * own running ones. Gradients flow through its views.
 */
export const trained = definePlugin({
  kind: "network",
  name: "trained",
  summary: "a second network that a loss or a stream trains with an optimiser of its own",
  options: z.strictObject({
    start: z.enum(["student", "weights"]).default("student")
      .describe("student: a copy of it as the phase begins; weights: those of the file that the entry names"),
  }),
  plan: ({ start }) => ({ training: true, start, trainable: true, ownStatistics: true }),
});
