/** Errors for people: their kinds, places and texts. */
import assert from "node:assert/strict";
import { ConfigError, DataError, formatPath, LossError, UserError } from "../../core/errors.ts";

Deno.test("formatPath: names are joined by dots, numbers stand in brackets, the whole is empty", () => {
  assert.equal(formatPath([]), "");
  assert.equal(formatPath(["losses", 1, "options", "levels", 0, "tap"]), "losses[1].options.levels[0].tap");
  assert.equal(formatPath([2, "weight"]), "[2].weight");
  assert.equal(formatPath(["a", 0, 1]), "a[0][1]");
});

Deno.test("ConfigError: a line for each mistake, with its position and its path where they are known", () => {
  const issues = [
    { path: ["seed"], message: "expected a number", position: "a.yaml:1:7" },
    { path: [], message: "expected a mapping", position: "a.yaml" },
    { path: ["losses", 0], message: "unknown" },
    { path: [], message: "nothing is here" },
  ];
  const error = new ConfigError(issues);
  assert.equal(
    error.message,
    "a.yaml:1:7 seed: expected a number\na.yaml: expected a mapping\nlosses[0]: unknown\nnothing is here",
  );
  assert.equal(error.issues, issues);
});

Deno.test("DataError: the message begins with the file, which can be read, and the cause is kept", () => {
  const cause = new Error("damaged");
  const error = new DataError("images/a.png", "cannot be decoded", { cause });
  assert.deepEqual([error.message, error.file, error.cause], [
    "images/a.png: cannot be decoded",
    "images/a.png",
    cause,
  ]);
});

Deno.test("errors that a person can mend are UserErrors, each with its own name", () => {
  const all = [new UserError("a"), new ConfigError([]), new DataError("a", "b"), new LossError("a")];
  assert.ok(all.every((error) => error instanceof UserError));
  assert.deepEqual(all.map(({ name }) => name), ["UserError", "ConfigError", "DataError", "LossError"]);
});
