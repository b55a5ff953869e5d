/** Tests that hold files against PyTorch itself, skipped (and counted by tests/run.ts) where it is not installed. */
import assert from "node:assert/strict";

/** A Python that can import all of these: that of `PLCA_PEER_PYTHON`, or the system's; null when there is none. */
export function pythonWith(...packages: readonly string[]): string | null {
  for (const python of [Deno.env.get("PLCA_PEER_PYTHON") ?? "python3", "python3", "/usr/bin/python3"]) {
    try {
      const { success } = new Deno.Command(python, {
        args: ["-c", `import ${packages.join(", ")}`],
        stdout: "null",
        stderr: "null",
      }).outputSync();
      if (success) return python;
    } catch {
      // Not installed.
    }
  }
  return null;
}

/** Runs a script with `sys.argv[1]` as the folder; returns what it prints. */
export type Python = (script: string, folder: string) => Promise<string>;

/** Registers a test that needs PyTorch. */
export function torchTest(name: string, body: (python: Python) => Promise<void>): void {
  const python = pythonWith("torch");
  Deno.test({
    name: python === null ? `${name} (no Python with torch)` : name,
    ignore: python === null,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      body(async (script, folder) => {
        const { success, stdout, stderr } = await new Deno.Command(python!, { args: ["-c", script, folder] })
          .output();
        assert.ok(success, new TextDecoder().decode(stderr));
        return new TextDecoder().decode(stdout).trim();
      }),
  });
}
