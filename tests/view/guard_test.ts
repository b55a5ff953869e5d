import assert from "node:assert/strict";
import { addressOf, admit, makeToken } from "../../view/guard.ts";

const guard = { token: "t0ken_t0ken_t0ken_t0ke", port: 4321 };
const ADDRESS = addressOf(guard);
const REASONS = {
  method: { status: 405, reason: "only reading is possible here" },
  host: { status: 403, reason: "this server is called 127.0.0.1:4321 or localhost:4321" },
  origin: { status: 403, reason: "another page may not ask" },
  token: { status: 403, reason: "open the address that plca view printed: it holds a token" },
};

function asked(url: string, headers: Record<string, string> = {}, method = "GET", at = guard) {
  const request = new Request(URL.canParse(url) ? url : ADDRESS, { method });
  // Names that `Request` would not let through, as a client sends them.
  const all = new Headers({ host: "127.0.0.1:4321", ...headers });
  const sent: Record<PropertyKey, unknown> = { headers: all, url };
  return admit(
    new Proxy(request, { get: (own, key) => Object.hasOwn(sent, key) ? sent[key] : Reflect.get(own, key) }),
    at,
  );
}

Deno.test("tokens have 128 random bits and are safe in an address", () => {
  const tokens = Array.from({ length: 100 }, makeToken);
  assert.equal(new Set(tokens).size, 100);
  for (const token of tokens) assert.match(token, /^[A-Za-z0-9_-]{22}$/);
});

Deno.test("the printed address and what lies below it are let in, by both names", () => {
  assert.equal(ADDRESS, "http://127.0.0.1:4321/t0ken_t0ken_t0ken_t0ke/");
  assert.deepEqual(asked(ADDRESS), { path: "" });
  assert.deepEqual(asked(`${ADDRESS}api/level?x=1`), { path: "api/level" });
  assert.deepEqual(asked(ADDRESS, { host: "localhost:4321" }), { path: "" });
  assert.deepEqual(asked(ADDRESS, { origin: "http://127.0.0.1:4321" }), { path: "" });
  assert.deepEqual(asked(ADDRESS, { "sec-fetch-site": "none" }), { path: "" });
  assert.deepEqual(asked(ADDRESS, { "sec-fetch-site": "same-origin" }, "HEAD"), { path: "" });
});

Deno.test("another method, host, origin or token is refused", () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    assert.deepEqual(asked(ADDRESS, {}, method), REASONS.method);
  }
  for (
    const host of [
      "evil.example",
      "evil.example:4321",
      "127.0.0.1",
      "127.0.0.1:80",
      "127.0.0.1:4321.evil.example",
      "",
    ]
  ) {
    assert.deepEqual(asked(ADDRESS, { host }), REASONS.host, host);
  }
  for (
    const origin of [
      "http://evil.example",
      "null",
      "http://127.0.0.1:4322",
      "https://127.0.0.1:4321",
      "http://localhost:4321",
    ]
  ) {
    assert.deepEqual(asked(ADDRESS, { origin }), REASONS.origin, origin);
  }
  for (const site of ["cross-site", "same-site"]) {
    assert.deepEqual(asked(ADDRESS, { "sec-fetch-site": site }), REASONS.origin, site);
  }
  const root = "http://127.0.0.1:4321/";
  for (
    const path of [
      "",
      "x/",
      "t0ken_t0ken_t0ken_t0ke",
      "t0ken_t0ken_t0ken_t0kf/",
      "T0KEN_T0KEN_T0KEN_T0KE/",
      "//t0ken_t0ken_t0ken_t0ke/",
      "api/run",
      "?t0ken_t0ken_t0ken_t0ke/",
    ]
  ) {
    assert.deepEqual(asked(root + path), REASONS.token, path);
  }
});

Deno.test("an address that is none is refused", () => {
  for (const url of ["http://:::x/", "", "x"]) {
    assert.deepEqual(asked(url), { status: 400, reason: "the address that is asked for is none" }, url);
  }
});

Deno.test("clients leave out port 80", () => {
  const at = { ...guard, port: 80 };
  for (const host of ["127.0.0.1", "localhost", "127.0.0.1:80", "localhost:80"]) {
    assert.deepEqual(asked(ADDRESS, { host }, "GET", at), { path: "" }, host);
    const [name] = host.split(":");
    assert.deepEqual(asked(ADDRESS, { host, origin: `http://${name}` }, "GET", at), { path: "" }, host);
  }
  assert.deepEqual(asked(ADDRESS, { host: "evil.example" }, "GET", at), {
    status: 403,
    reason: "this server is called 127.0.0.1:80 or localhost:80 or 127.0.0.1 or localhost",
  });
});
