/** Answers, each with the headers that keep a page from doing, and being done, what it is not for. */

/** Nothing but this server's own files; frames, plugins, forms and inline code are off. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** A body of a type. */
export function answer(body: BodyInit, type: string, status = 200): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": type } });
}

/** A value as JSON. */
export function json(value: unknown): Response {
  return answer(JSON.stringify(value), "application/json; charset=utf-8");
}

/** What went wrong, in one sentence, as a page of text or as JSON for scripts. */
export function problem(status: number, reason: string): Response {
  return answer(JSON.stringify({ problem: reason }), "application/json; charset=utf-8", status);
}
