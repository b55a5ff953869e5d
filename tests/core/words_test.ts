/** How all commands say errors, counts and sizes. */
import assert from "node:assert/strict";
import { countOf, gibibytes, megabytes, messageOf, percent, reason } from "../../core/words.ts";

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

Deno.test("messageOf: an error's own words, and other thrown values as text", () => {
  assert.equal(messageOf(new TypeError("no such thing")), "no such thing");
  assert.deepEqual([messageOf("text"), messageOf(7), messageOf(undefined)], ["text", "7", "undefined"]);
});

Deno.test("messageOf: Deno's advice on permissions becomes the page that says what a loss may do", () => {
  const denied = 'Requires net access to "a.b", run again with the --allow-net flag';
  const advice =
    'Requires net access to "a.b"; what a loss may do stands in docs/reliability.md, Permissions';
  assert.equal(messageOf(named("NotCapable", denied)), advice);
  assert.equal(messageOf(named("Error", denied)), denied);
});

Deno.test("reason: common errors of the system in words, others in their own", () => {
  const said = (name: string) => reason(named(name, `${name} (os error 2)`));
  assert.equal(said("NotFound"), "there is no such file");
  assert.equal(said("IsADirectory"), "it is a folder, expected a file");
  assert.equal(said("NotADirectory"), "a part of its path is a file, expected a folder");
  assert.equal(said("PermissionDenied"), "permission denied");
  assert.equal(said("NotCapable"), "permission denied");
  assert.equal(said("Busy"), "Busy (os error 2)");
  assert.equal(reason(404), "404");
});

Deno.test("percent, countOf, megabytes and gibibytes: one decimal, and one thing has no plural", () => {
  assert.deepEqual([percent(0.34), percent(1), percent(0.00049), percent(null)], [
    "34.0",
    "100.0",
    "0.0",
    "-",
  ]);
  assert.deepEqual([0, 1, 2].map((count) => countOf(count, "step")), ["0 steps", "1 step", "2 steps"]);
  assert.deepEqual([megabytes(1_449_999), gibibytes(1.5 * 2 ** 30)], ["1.4 MB", "1.5 GiB"]);
});
