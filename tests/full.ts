/** Tests that `deno task test` leaves out for their time, and `deno task test:full` runs. */
export const FULL = Deno.env.get("PLCA_TEST_FULL") === "1";

/** A test of `deno task test:full`. */
export function onlyInFull(name: string, run: () => Promise<void>): void {
  Deno.test({ name, ignore: !FULL, sanitizeOps: false, sanitizeResources: false, fn: run });
}
