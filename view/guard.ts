/**
 * Who may ask. The server listens on the loopback interface only, yet other users of the machine and every
 * page that is open in a browser reach that too. So each path starts with a random token, the host must be
 * the one that was printed (a foreign name that is made to lead here is refused), and requests that another
 * page causes are refused as well. There is no cookie: browsers send those to every port of a host.
 */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";

/** What requests are compared with. */
export interface Guard {
  readonly token: string;
  readonly port: number;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  /** One sentence for the person. */
  readonly reason: string;
}

/** The path below the token, or why the request is refused. */
export type Admission = { readonly path: string } | Refusal;

/** 128 random bits as text that is safe in an address. */
export function makeToken(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
}

/** The address that opens the page. */
export function addressOf({ token, port }: Guard): string {
  return `http://127.0.0.1:${port}/${token}/`;
}

/**
 * Checks method, host, origin, address and token, in this order. @returns the path below the token, "" for
 * the page itself
 */
export function admit(request: Request, { token, port }: Guard): Admission {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") return { status: 405, reason: "only reading is possible here" };
  const names = ["127.0.0.1", "localhost"];
  // The port that clients leave out.
  const hosts = [...names.map((name) => `${name}:${port}`), ...port === 80 ? names : []];
  const host = headers.get("host") ?? "";
  if (!hosts.includes(host)) return { status: 403, reason: `this server is called ${hosts.join(" or ")}` };
  const origin = headers.get("origin"), site = headers.get("sec-fetch-site");
  if (origin !== null && origin !== `http://${host}` && origin !== new URL(`http://${host}`).origin) {
    return { status: 403, reason: "another page may not ask" };
  }
  // "none": typed, or opened from a terminal.
  if (site !== null && site !== "same-origin" && site !== "none") {
    return { status: 403, reason: "another page may not ask" };
  }
  const pathname = pathOf(request);
  if (pathname === undefined) return { status: 400, reason: "the address that is asked for is none" };
  const [, given = "", ...rest] = pathname.split("/");
  if (!sameText(given, token) || rest.length === 0) {
    return { status: 403, reason: "open the address that plca view printed: it holds a token" };
  }
  return { path: rest.join("/") };
}

/** The path of a request; undefined when the client has sent something that is no address. */
function pathOf(request: Request): string | undefined {
  try {
    return new URL(request.url).pathname;
  } catch {
    return undefined;
  }
}

/** Whether two texts are the same, compared in a time that does not tell where they differ. */
function sameText(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
