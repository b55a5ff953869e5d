/**
 * `plca view`'s server: one page and what it asks for. It reads and never writes, listens on the loopback
 * interface alone, and serves a handful of names, none of which is a path of a file (guard.ts says who may
 * ask).
 *
 * A page learns of changes by server-sent events, each with the number of a revision, and then asks for the
 * run again.
 */
import { UserError } from "../core/errors.ts";
import type { Explorer } from "../explore/explorer.ts";
import { rgbPng } from "../report/pictures.ts";
import type { ReportData } from "../report/report_data.ts";
import type { Run } from "../run_folder/read.ts";
import { eventStream, json, page, png, problem } from "./answers.ts";
import { addressOf, admit, type Guard, makeToken } from "./guard.ts";
import type { LiveRun } from "../run_folder/follow.ts";
import { imageQuestion, levelQuestion, rowQuestion } from "./questions.ts";
import type { ServedPictures, ServedRun } from "./served_run.ts";

/** What is served. */
export interface Served {
  /** The whole page; it asks the server for everything else. */
  readonly html: string;
  readonly live: LiveRun;
  /** What the page shows of the run. */
  readonly report: (run: Run) => ReportData;
  /** Labels images of the val split; ends when the signal fires. */
  readonly pictures: (signal: AbortSignal) => Promise<ServedPictures>;
  /** Or why there is none, in one sentence. */
  readonly explorer: Explorer | string;
  /** Called with errors that are bugs. */
  readonly onBug: (error: unknown) => void;
}

/** A server that runs. */
export interface Viewing {
  /** Opens the page; holds the token. */
  readonly address: string;
  /** Ends it, open connections included. */
  close(): Promise<void>;
}

/**
 * Starts the server on 127.0.0.1.
 * @param port 0: any that is free
 * @throws UserError when another program listens there, or the port may not be used
 */
export function serve(served: Served, port: number): Viewing {
  const ending = new AbortController();
  const token = makeToken();
  let guard: Guard = { token, port };
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      async (request) => {
        const admitted = admit(request, guard);
        const answered = "reason" in admitted
          ? problem(admitted)
          : await route(admitted.path, { request, served, ending: ending.signal });
        return request.method === "HEAD" ? new Response(null, answered) : answered;
      },
    );
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new UserError(
        `--port ${port}: another program listens there; choose another port, or leave --port out`,
        { cause },
      );
    }
    if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
      throw new UserError(`--port ${port}: this port may not be used; choose one above 1023`, { cause });
    }
    throw cause;
  }
  guard = { token, port: server.addr.port };
  return {
    address: addressOf(guard),
    async close() {
      ending.abort();
      await server.shutdown();
    },
  };
}

/** A request on its way to an answer. */
interface Asked {
  readonly request: Request;
  readonly served: Served;
  readonly ending: AbortSignal;
}

/**
 * The answer to an admitted request. A UserError becomes an answer of status 422 with its message; anything
 * else is a bug of plca, reported in the terminal.
 * @param path below the token: one of a few names, never that of a file
 */
async function route(path: string, asked: Asked): Promise<Response> {
  const { request, served } = asked;
  const parameters = new URL(request.url).searchParams;
  try {
    switch (path) {
      case "":
        return page(served.html);
      case "api/run": {
        const { run, revision, gone } = await served.live.read();
        return json({ revision, gone, report: served.report(run) } satisfies ServedRun);
      }
      case "api/pictures":
        return json(await served.pictures(request.signal));
      case "api/events":
        return eventStream(changes(served.live, asked.ending));
      case "api/explorer":
        return json(await explorerOf(served).overview());
      case "api/checkpoints":
        return json(await explorerOf(served).checkpoints());
      case "api/level":
        return json(await explorerOf(served).level(levelQuestion(parameters), request.signal));
      case "api/row":
        return json(await explorerOf(served).row(rowQuestion(parameters), request.signal));
      case "api/image": {
        const { width, height, image } = await explorerOf(served).image(imageQuestion(parameters));
        return png(rgbPng({ width, height, data: image }));
      }
      default:
        return problem({ status: 404, reason: "there is nothing here" });
    }
  } catch (error) {
    if (error instanceof UserError) return problem({ status: 422, reason: error.message });
    if (request.signal.aborted) return problem({ status: 409, reason: "another question came first" });
    served.onBug(error);
    return problem({ status: 500, reason: "this is a bug in plca; the terminal says more" });
  }
}

function explorerOf({ explorer }: Served): Explorer {
  if (typeof explorer === "string") throw new UserError(explorer);
  return explorer;
}

/** A stream with the number of each revision of the run, until the browser leaves or the server ends. */
function changes(live: LiveRun, ending: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream({
    start(controller) {
      const stopListening = live.listen((revision) => {
        controller.enqueue(encoder.encode(`data: ${revision}\n\n`));
      });
      const end = () => {
        stop();
        controller.close();
      };
      ending.addEventListener("abort", end, { once: true });
      stop = () => {
        stopListening();
        ending.removeEventListener("abort", end);
      };
      controller.enqueue(encoder.encode("retry: 2000\n\n"));
      if (ending.aborted) end();
    },
    cancel() {
      stop();
    },
  });
}
