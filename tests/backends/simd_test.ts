/** The compiled kernels are what their source says. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("backends/wasm/simd.wasm is what `deno task kernels` makes of backends/wasm/simd", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = `${folder}/simd.wasm`;
    // The compiler has a lock file of its own: every first run downloads what stands in the project's.
    const [lock, specifier] = [/--lock=\S+/, /npm:assemblyscript@\S+/].map((part) =>
      part.exec(config.tasks.kernels)![0]
    );
    const permissions = ["--allow-read", `--allow-write=${folder}`, "--allow-env", "--no-prompt"];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-config", lock!, "--frozen", ...permissions, specifier!],
        ...["--config", "backends/wasm/simd/asconfig.json", "--outFile", made],
      ],
      cwd: root,
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const [shipped, compiled] = [`${root}backends/wasm/simd.wasm`, made].map((path) =>
      Deno.readFileSync(path)
    );
    assert.ok(Buffer.compare(shipped!, compiled!) === 0, "they differ: run `deno task kernels`");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the compiled kernels bring no data: their memory is the tensors'", () => {
  const bytes = Deno.readFileSync(`${root}backends/wasm/simd.wasm`);
  const module = new WebAssembly.Module(bytes);
  assert.deepEqual(WebAssembly.Module.imports(module), [{ module: "env", name: "memory", kind: "memory" }]);
  // An instance would write its data segments at once.
  const memory = new WebAssembly.Memory({ initial: 1 });
  new WebAssembly.Instance(module, { env: { memory } });
  assert.ok(new Uint8Array(memory.buffer).every((byte) => byte === 0));
});

Deno.test("a first run does not download the compiler", () => {
  assert.doesNotMatch(Deno.readTextFileSync(`${root}deno.lock`), /assemblyscript|binaryen/);
});
