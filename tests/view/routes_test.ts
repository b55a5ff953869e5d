/** What each address of the server answers. */
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { UserError } from "../../core/errors.ts";
import type { Served } from "../../view/server.ts";
import { withServer } from "./served.ts";

/** An explorer that answers with what it was asked. */
const explorer = {
  overview: () => Promise.resolve({ levels: [] }),
  checkpoints: () => Promise.resolve([{ id: "checkpoints/last.safetensors" }]),
  level: (request: object) => Promise.resolve({ level: request }),
  row: (request: object) => Promise.resolve({ row: request }),
  image: (request: { index: number }) =>
    request.index === 0
      ? Promise.resolve({ width: 2, height: 1, image: Uint8Array.of(1, 2, 3, 4, 5, 6) })
      : Promise.reject(new UserError(`there is no image ${request.index}`)),
} as unknown as Served["explorer"];

const PAIR = "checkpoint=c&statistics=image&source=1&targetSet=target&target=2&level=0";
const ASKED = { checkpoint: "c", statistics: "image", source: 1, targetSet: "target", target: 2, level: 0 };

Deno.test("serve: each question reaches its part of the explorer, with numbers as numbers", () =>
  withServer({ explorer }, async ({ address }) => {
    const answer = async (path: string) => (await fetch(`${address}api/${path}`)).json();
    assert.deepEqual(await answer("explorer"), { levels: [] });
    assert.deepEqual(await answer("checkpoints"), [{ id: "checkpoints/last.safetensors" }]);
    assert.deepEqual(await answer(`level?${PAIR}`), { level: ASKED });
    assert.deepEqual(await answer(`row?${PAIR}&kind=back&pixel=3`), {
      row: { ...ASKED, kind: "back", pixel: 3 },
    });
    assert.deepEqual(await answer("image?set=val&index=7"), { problem: "there is no image 7" });
  }));

Deno.test("serve: an image of the explorer is a PNG with its pixels", () =>
  withServer({ explorer }, async ({ address }) => {
    const response = await fetch(`${address}api/image?set=source&index=0`);
    assert.equal(response.headers.get("content-type"), "image/png");
    const { width, height, channels, data } = decode(new Uint8Array(await response.arrayBuffer()));
    assert.deepEqual([width, height, channels, [...data]], [2, 1, 3, [1, 2, 3, 4, 5, 6]]);
  }));

Deno.test("serve: the run with its revision, and whether its folder is gone", () =>
  withServer({}, async ({ address }) => {
    const { revision, gone, report } = await (await fetch(`${address}api/run`)).json();
    assert.deepEqual([revision, gone], [1, false]);
    assert.deepEqual(
      report.runs[0].phases.map(({ name, step, steps }: Record<string, unknown>) => [name, step, steps]),
      [
        ["tiny", 3, 100],
      ],
    );
  }));

Deno.test("serve: pictures are asked for with the request's signal; without them the reason", () =>
  withServer({}, async ({ address }) => {
    assert.deepEqual(await (await fetch(`${address}api/pictures`)).json(), { withoutPictures: "none" });
  }));

Deno.test("serve: HEAD has the headers alone, other addresses nothing", () =>
  withServer({}, async ({ address }) => {
    const head = await fetch(address, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-type"), await head.text()], [
      200,
      "text/html; charset=utf-8",
      "",
    ]);
    for (const path of ["api", "api/", "api/run/x", "index.html", "events.jsonl"]) {
      const response = await fetch(`${address}${path}`);
      assert.deepEqual(
        [response.status, await response.json()],
        [404, { problem: "there is nothing here" }],
        path,
      );
    }
  }));
