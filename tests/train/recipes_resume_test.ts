/** A recipe of each kind, stopped in the middle of what it adds, ends as if it had not been; more: method_resume_test.ts. */
import { ONE_ROUND, sureFrom, testResuming } from "./method_plans.ts";

testResuming({
  "DACS: a teacher, and images mixed at random": {
    recipe: "dacs",
    overrides: ["training.steps=3", sureFrom("mixed")],
    stops: ["of_the_test 2"],
  },
  "ADVENT: two opponents": {
    recipe: "advent",
    overrides: ["training.steps=2"],
    stops: ["of_the_test 1"],
  },
  "CBST: a round, its labels written": { recipe: "cbst", ...ONE_ROUND },
  "PLCA + self-training: statistics estimated, labels written, PLCA on these": {
    recipe: "plca_selftraining",
    overrides: ["training.steps=10", "phases.association.length=0.2"],
    stops: ["statistics 1", "second 2"],
  },
});
