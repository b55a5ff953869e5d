/**
 * One GPU, on this machine or on another one:
 *
 *     deno task bench gpu --pack FOLDER [--peer torch_plca.py]
 *     FOLDER/run.sh --out gpu.json            (there)
 *     deno task bench gpu --take gpu.json...  (into bench/RESULTS.md)
 *
 * On a machine without one, software Vulkan shows that the pack works: `unshare -n FOLDER/run.sh --small`. Its
 * file has a section of its own.
 */
import { parseArgs } from "node:util";
import { MOST_BYTES, pack } from "./gpu/pack.ts";
import { take } from "./gpu/take.ts";

const USAGE = "deno task bench gpu --pack FOLDER [--peer torch_plca.py], or --take FILE [--take FILE]...";

/** Packs the benchmark, or takes its file into the results. */
export async function gpu(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { pack: { type: "string" }, peer: { type: "string" }, take: { type: "string", multiple: true } },
  });
  if (values.pack !== undefined) {
    const bytes = await pack(values.pack, { peer: values.peer });
    console.log(
      `${values.pack}: ${(bytes / 1e6).toFixed(1)} MB; run.sh in it needs a Vulkan driver and no network`,
    );
    if (bytes > MOST_BYTES) {
      console.error(`more than the ${MOST_BYTES / 1e6} MB that it may have`);
      Deno.exit(1);
    }
  } else if (values.take !== undefined) {
    await take(await Promise.all(values.take.map(async (file) => JSON.parse(await Deno.readTextFile(file)))));
  } else {
    console.error(USAGE);
    Deno.exit(2);
  }
}
