import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkedOutput } from "../../train/loss_errors.ts";

function fails(): never {
  throw new TypeError("no such class"); // line 6
}

Deno.test("a throw names the line of the user's file, where it can be told", () => {
  const here = fileURLToPath(import.meta.url);
  const message = (file?: string) => {
    try {
      checkedOutput('loss "mine"', fails, file);
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(message(here), 'loss "mine" threw at line 6: no such class');
  assert.equal(message("/elsewhere.ts"), 'loss "mine" threw: no such class');
  assert.equal(message(), 'loss "mine" threw: no such class');
});
