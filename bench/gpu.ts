/**
 * One GPU, on this machine or on another one:
 *
 *     deno task bench gpu --pack FOLDER [--peer torch_plca.py]
 *     FOLDER/run.sh --out gpu.json            (there)
 *     deno task bench gpu --take gpu.json     (into bench/RESULTS.md)
 */
import { parseArgs } from "node:util";
import { pack } from "./gpu/pack.ts";
import { take } from "./gpu/take.ts";

const USAGE = "deno task bench gpu --pack FOLDER [--peer torch_plca.py], or --take FILE";

/** Packs the benchmark, or takes its file into the results. */
export async function gpu(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { pack: { type: "string" }, peer: { type: "string" }, take: { type: "string" } },
  });
  if (values.pack !== undefined) {
    const bytes = await pack(values.pack, { peer: values.peer });
    console.log(
      `${values.pack}: ${(bytes / 1e6).toFixed(1)} MB; run.sh in it needs a Vulkan driver and no network`,
    );
  } else if (values.take !== undefined) {
    await take(JSON.parse(await Deno.readTextFile(values.take)));
  } else {
    throw new Error(USAGE);
  }
}
