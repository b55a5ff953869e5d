import { dirname, relative, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { type ClassStats, classStats, renderStats } from "../datasets/class_stats.ts";
import { type Fault, inspections } from "../datasets/inspection.ts";
import { writeWhole } from "../run_folder/write.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { showImage, withInput } from "./input.ts";
import { requireWritable } from "./output_file.ts";
import { planUnrun } from "./recipes.ts";
import { shown, stat } from "./run_folder.ts";

/**
 * Runs `plca data stats`: counts each class in each source image and writes the file that
 * `input.rare_class_sampling` reads.
 * @returns the exit status: 0, or 130 when interrupted
 * @throws UserError when the source has no labels or an image cannot be used; nothing is written then
 */
export async function dataStatsCommand(host: Host, args: CommandOf<"data stats">): Promise<number> {
  const plan = await planUnrun(host, { path: args.recipe, overrides: args.set });
  const file = resolve(host.cwd, args.out ?? `${plan.name}_classes.json`);
  await requireWritable(host, { out: file, force: args.force, example: "classes.json" });
  const { source } = plan.data;
  const space = source.labelSpace;
  const images: ClassStats["images"] = [];
  const faults: Fault[] = [];
  const interrupted = await withInput(host, plan, async (input, signal) => {
    const dataset = await input.open(source);
    if (dataset.unlabelled !== undefined) {
      throw new UserError(`data.source: ${dataset.unlabelled}; statistics count the pixels of labels`);
    }
    await input.requireDecided(source, dataset, "data.source");
    let done = 0;
    for await (const { id, pixels, fault } of inspections(dataset, { labels: true, space, signal })) {
      if (fault) faults.push(fault);
      else images.push({ id: id!, pixels: [...pixels!] });
      showImage(host, "source", { done: ++done, of: dataset.length });
    }
    return signal.aborted;
  });
  if (interrupted) {
    host.stderr.write("Interrupted before every image was counted; nothing was written.\n");
    return 130;
  }
  const [first] = faults;
  if (first) {
    const others = faults.length === 1 ? "" : `, and ${faults.length - 1} more`;
    throw new UserError(
      `${first.file}: ${first.message}${others}; nothing was written ` +
        "(plca data check names all, `exclude` leaves images out)",
    );
  }
  const dataset = plan.data.origins?.get(source)?.plugin.name ?? "dataset";
  await writeWhole(file, new TextEncoder().encode(renderStats(classStats({ dataset, space, images }))));
  const whose = space.name === dataset ? "" : ` of ${space.name}`;
  const counted = `${images.length} images of ${dataset}, ${space.classes.length} classes${whose}`;
  host.stdout.write(`${counted}: ${shown(host, file)}\n`);
  // Paths of a recipe start at its folder.
  const recipe = resolve(host.cwd, args.recipe);
  const path = relative(await stat(recipe) ? dirname(recipe) : host.cwd, file);
  host.stdout.write(`In the recipe: input: { rare_class_sampling: { stats: ${path} } }\n`);
  return 0;
}
