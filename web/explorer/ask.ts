/**
 * Questions to the server that the page came from, as a hook of Preact.
 *
 * A person moves a cursor faster than a server answers. So a question waits until it has been the same for a
 * moment, a newer one cancels the one before, and the last answer stays on the screen (as `busy`) until the
 * next is there, which avoids flicker. Since an old answer may stand beside a new question, it says which
 * question it belongs to: `of`.
 */
import { useEffect, useState } from "preact/hooks";

/** What is known of an answer. While the next one is asked for, the former stays. */
export interface Answer<T> {
  readonly value?: T;
  /** Why there is none, in one sentence. */
  readonly problem?: string;
  /** The question whose answer `value` is. */
  readonly of?: string;
  readonly busy: boolean;
}

/** The parameters of a question, by name. */
export type Parameters = Readonly<Record<string, string | number>>;

/** The address of a question, relative to the page's own: `api/level?source=3`. */
export function address(name: string, parameters: Parameters = {}): string {
  const pairs = Object.entries(parameters).map(([key, value]): [string, string] => [key, String(value)]);
  const query = new URLSearchParams(pairs).toString();
  return `api/${name}${query === "" ? "" : `?${query}`}`;
}

/**
 * Asks once. @param signal cancels it @throws Error with the reason in one sentence: the server is gone, or
 * what it says; whatever `fetch` throws when the question was cancelled
 */
async function ask<T>(question: string, signal: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(question, { signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new Error("plca view has ended in its terminal; start it again and open its new address", {
      cause,
    });
  }
  const body = await response.json();
  if (response.ok) return body as T;
  throw new Error(
    typeof body?.problem === "string" ? body.problem : `the server answered ${response.status}`,
  );
}

/**
 * The answer to a question, asked whenever the question changes; the older one is cancelled. A failure
 * replaces the former answer.
 * @param question an {@linkcode address}, perhaps with `#` and a word that makes it another question;
 *   undefined: nothing is asked, and there is no answer
 * @param delay milliseconds that the question must stay the same before it is asked
 */
export function useAnswer<T>(question: string | undefined, delay = 0): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ busy: question !== undefined });
  useEffect(() => {
    if (question === undefined) {
      setAnswer({ busy: false });
      return;
    }
    const given = new AbortController();
    setAnswer((before) => ({ ...before, busy: true }));
    const timer = setTimeout(async () => {
      try {
        const value = await ask<T>(question, given.signal);
        setAnswer({ value, of: question, busy: false });
      } catch (error) {
        if (!given.signal.aborted) setAnswer({ problem: (error as Error).message, busy: false });
      }
    }, delay);
    return () => {
      clearTimeout(timer);
      given.abort();
    };
  }, [question]);
  return answer;
}
