/** Questions to the server that the page came from. */
import { useEffect, useState } from "preact/hooks";

/** What is known of an answer; the former one stays until the next is there. */
export interface Answer<T> {
  readonly value?: T;
  /** Why there is none, in one sentence. */
  readonly problem?: string;
  /** The question whose answer `value` is. */
  readonly of?: string;
  readonly busy: boolean;
}

/** What a question may hold. */
export type Parameters = Readonly<Record<string, string | number>>;

/** The address of a question, below the page's own. */
export function address(name: string, parameters: Parameters = {}): string {
  const pairs = Object.entries(parameters).map(([key, value]): [string, string] => [key, String(value)]);
  const query = new URLSearchParams(pairs).toString();
  return `api/${name}${query === "" ? "" : `?${query}`}`;
}

/** @throws Error that says why in one sentence */
export async function ask<T>(question: string, signal: AbortSignal): Promise<T> {
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
 * Asks whenever the question changes; an older one is given up. @param question undefined: nothing is asked
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
