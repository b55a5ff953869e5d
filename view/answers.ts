/**
 * Answers of the server, each with the headers that keep a page from doing, or having done to it, what it is
 * not for: no framing, no sniffing of types, no caching, no referrer.
 */
import type { Refusal } from "./guard.ts";

/** Headers of every answer. */
const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** The policy of everything but the page: it is data, and whatever a browser takes it for may do nothing. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";

/**
 * The policy of the page in its header; the page itself says what it may load, and only a header can forbid
 * framing.
 */
const PAGE_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** The page. */
export function page(html: string): Response {
  return answer(html, { type: "text/html; charset=utf-8", policy: PAGE_POLICY });
}

/** A value as JSON. */
export function json(value: unknown, status = 200): Response {
  return answer(JSON.stringify(value), { type: "application/json; charset=utf-8", status });
}

/** What went wrong, in one sentence. */
export function problem({ status, reason }: Refusal): Response {
  return json({ problem: reason }, status);
}

/** A PNG. */
export function png(bytes: Uint8Array<ArrayBuffer>): Response {
  return answer(bytes, { type: "image/png" });
}

/** Server-sent events. */
export function eventStream(stream: ReadableStream<Uint8Array>): Response {
  return answer(stream, { type: "text/event-stream" });
}

function answer(
  body: BodyInit,
  { type, policy = DATA_POLICY, status = 200 }: { type: string; policy?: string; status?: number },
): Response {
  return new Response(body, {
    status,
    headers: { ...HEADERS, "content-security-policy": policy, "content-type": type },
  });
}
