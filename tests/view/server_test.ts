import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import type { Explorer } from "../../explore/explorer.ts";
import { serve } from "../../view/server.ts";
import { logOf, withServer } from "./served.ts";

/** As a client that sends any bytes; the whole answer. */
async function raw(address: string, head: (url: URL) => readonly string[]): Promise<string> {
  const url = new URL(address);
  using connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
  const lines = [...head(url), "connection: close", "", ""];
  await connection.write(new TextEncoder().encode(lines.join("\r\n")));
  return await new Response(connection.readable, {}).text().catch(() => "");
}

/** @throws Error when it takes longer than ten seconds: what does not come is not to hold up all tests */
async function soon<T>(coming: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came for ten seconds")), 10_000);
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}

const status = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

/** An explorer that answers nothing but what a test gives it. */
function explorer(own: Partial<Explorer>): Explorer {
  const no = () => Promise.reject(new UserError("not asked for"));
  return { overview: no, image: no, level: no, row: no, checkpoints: no, dispose() {}, ...own };
}

Deno.test("the page and its answers come with headers that keep other pages out", () =>
  withServer({}, async ({ address }) => {
    for (const path of ["", "api/run", "nothing"]) {
      const response = await fetch(address + path);
      await response.body?.cancel();
      const header = (name: string) => response.headers.get(name);
      assert.equal(header("x-content-type-options"), "nosniff");
      assert.equal(header("referrer-policy"), "no-referrer");
      assert.equal(header("cross-origin-resource-policy"), "same-origin");
      assert.equal(header("cross-origin-opener-policy"), "same-origin");
      assert.equal(header("cache-control"), "no-store");
      assert.match(header("content-security-policy")!, /frame-ancestors 'none'/);
      assert.equal(header("access-control-allow-origin"), null);
      assert.equal(header("set-cookie"), null);
    }
    const page = await fetch(address);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await page.text(), "<!doctype html><title>page</title>");
    const run = await (await fetch(`${address}api/run`)).json();
    assert.equal(run.report.runs[0].phases[0].step, 3);
    const head = await fetch(address, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  }));

Deno.test("a folder that is deleted under way is said to be gone, and what was read of it is still served", () =>
  withServer({}, async ({ address }, folder) => {
    const run = async () => await (await fetch(`${address}api/run`)).json();
    const before = await run();
    assert.deepEqual([before.gone, before.revision], [false, 1]);
    const log = join(folder, "events.jsonl");
    const text = await Deno.readTextFile(log);
    await Deno.remove(log);
    const after = await run();
    assert.deepEqual([after.gone, after.revision], [true, 2]);
    assert.deepEqual(after.report, before.report);
    await Deno.writeTextFile(log, text);
    assert.equal((await run()).gone, false);
  }));

Deno.test("without the token, from another host or origin, with another method: refused", () =>
  withServer({}, async ({ address }) => {
    const { origin } = new URL(address);
    const problem = async (response: Response) => [response.status, (await response.json()).problem];
    const token = "open the address that plca view printed: it holds a token";
    for (const path of ["/", "/api/run", "/x/api/run", "/events.jsonl"]) {
      assert.deepEqual(await problem(await fetch(origin + path)), [403, token]);
    }
    assert.deepEqual(await problem(await fetch(address, { method: "POST", body: "x" })), [
      405,
      "only reading is possible here",
    ]);
    const other = "another page may not ask";
    assert.deepEqual(await problem(await fetch(address, { headers: { origin: "http://evil.example" } })), [
      403,
      other,
    ]);
    assert.deepEqual(await problem(await fetch(address, { headers: { "sec-fetch-site": "cross-site" } })), [
      403,
      other,
    ]);
    const named = (host: string) =>
      raw(address, ({ pathname }) => [`GET ${pathname} HTTP/1.1`, `host: ${host}`]);
    assert.equal(status(await named("evil.example")), 403);
    assert.equal(status(await named(`evil.example:${new URL(address).port}`)), 403);
    assert.equal(status(await named(new URL(address).host)), 200);
    assert.equal(status(await named(`localhost:${new URL(address).port}`)), 200);
  }));

Deno.test("an address that is none is refused in one line", () =>
  withServer({}, async ({ address }) => {
    const answer = await raw(address, ({ host }) => ["GET http://:::x/ HTTP/1.1", `host: ${host}`]);
    assert.ok([400, 403].includes(status(answer)), answer.slice(0, 200));
    assert.doesNotMatch(answer, /\bat .*\.ts|TypeError/);
  }));

Deno.test("no path leads to a file, and none out of the run", () =>
  withServer({}, async ({ address }, folder) => {
    await Deno.writeTextFile(join(folder, "secret.txt"), "secret");
    const paths = [
      "events.jsonl",
      "../secret.txt",
      "..%2fsecret.txt",
      "%2e%2e/secret.txt",
      `/${encodeURI(folder)}/secret.txt`,
      "api/../events.jsonl",
      "api",
      "api/",
      "api/run/x",
      "dist/view.js",
    ];
    for (const path of paths) {
      const answer = await raw(
        address,
        ({ pathname, host }) => [`GET ${pathname}${path} HTTP/1.1`, `host: ${host}`],
      );
      assert.ok([403, 404].includes(status(answer)), `${path}: ${answer.slice(0, 60)}`);
      assert.doesNotMatch(answer, /secret"|"type"/);
    }
  }));

Deno.test("it listens on the loopback interface only, and a port in use is said in one line", () =>
  withServer({}, async ({ address }) => {
    const port = Number(new URL(address).port);
    assert.equal(new URL(address).hostname, "127.0.0.1");
    await withServer({}, async (other) => {
      assert.notEqual(new URL(other.address).pathname, new URL(address).pathname, "tokens differ");
      await Promise.resolve();
    });
    const again = () =>
      serve({
        html: "",
        live: undefined as never,
        report: undefined as never,
        pictures: undefined as never,
        explorer: "",
        onBug() {},
      }, port);
    assert.throws(again, {
      name: "UserError",
      message: `--port ${port}: another program listens there; choose another port, or leave --port out`,
    });
  }));

Deno.test("a run that grows is told as it grows; a browser that leaves is no error", () =>
  withServer({}, async ({ address }, folder) => {
    const left = new AbortController();
    const response = await fetch(`${address}api/events`, { signal: left.signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const step = async () => (await (await fetch(`${address}api/run`)).json()).report.runs[0].phases[0].step;
    assert.equal(await step(), 3);
    const next = async () => {
      for (let text = "";;) {
        const { value, done } = await reader.read();
        assert.ok(!done);
        text += value;
        if (/data: \d+\n\n/.test(text)) return text;
      }
    };
    assert.match(await soon(next()), /data: 1\n\n/, "what is known already");
    await Deno.writeTextFile(join(folder, "events.jsonl"), logOf("tiny", 7));
    // Who asks by itself sees it first; the others are told all the same.
    assert.equal(await step(), 7);
    assert.match(await soon(next()), /data: 2\n\n/);
    left.abort();
    await assert.rejects(reader.read());
    assert.equal((await fetch(address)).status, 200, "the server goes on");
  }));

Deno.test("questions are checked; what cannot be answered is said in one line", async () => {
  const bugs: unknown[] = [];
  const asked: unknown[] = [];
  const change = {
    explorer: explorer({
      level: (request) => {
        asked.push(request);
        return Promise.reject(new UserError("checkpoints/last.safetensors: damaged"));
      },
      checkpoints: () => Promise.reject(new TypeError("x is not a function")),
    }),
    onBug: (error: unknown) => bugs.push(error),
  };
  await withServer(change, async ({ address }) => {
    const answer = async (path: string) => {
      const response = await fetch(address + path);
      return [response.status, (await response.json()).problem];
    };
    const pair = "checkpoint=a&statistics=running&source=1&targetSet=val&target=2&level=0";
    assert.deepEqual(await answer(`api/level?${pair}`), [422, "checkpoints/last.safetensors: damaged"]);
    assert.deepEqual(asked, [
      { checkpoint: "a", statistics: "running", source: 1, targetSet: "val", target: 2, level: 0 },
    ]);
    for (
      const wrong of [
        "source=-1",
        "source=x",
        "target=1.5",
        "targetSet=test",
        "level=",
        "statistics=all",
        "more=1",
      ]
    ) {
      const query = new URLSearchParams(pair);
      const [[key, value]] = [...new URLSearchParams(wrong)] as [[string, string]];
      query.set(key, value);
      const [status, problem] = await answer(`api/level?${query}`);
      assert.equal(status, 422);
      assert.match(String(problem), key === "more" ? /more/ : new RegExp(`^${key}: `), wrong);
    }
    assert.equal(asked.length, 1);
    assert.deepEqual(await answer("api/checkpoints"), [500, "this is a bug in plca; the terminal says more"]);
    assert.equal((bugs[0] as Error).message, "x is not a function");
  });
  await withServer({}, async ({ address }) => {
    const response = await fetch(`${address}api/explorer`);
    assert.deepEqual([response.status, await response.json()], [
      422,
      { problem: "no term of this run associates pixels" },
    ]);
  });
});

Deno.test("who gives up a question ends its computation", async () => {
  let ended = () => {};
  const end = new Promise<void>((resolve) => ended = resolve);
  const change = {
    explorer: explorer({
      level: (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            ended();
            reject(signal.reason);
          })
        ),
    }),
  };
  await withServer(change, async ({ address }) => {
    const given = new AbortController();
    const pair = "checkpoint=a&statistics=running&source=1&targetSet=val&target=2&level=0";
    const asked = fetch(`${address}api/level?${pair}`, { signal: given.signal });
    setTimeout(() => given.abort(), 50);
    await assert.rejects(asked, { name: "AbortError" });
    await soon(end);
  });
});
