/**
 * Images of several streams of the step as one dataset, so that a batch is any mixture of them. Self-training
 * (Zou et al. 2019) trains so on source images and pseudo-labelled target images.
 *
 * It is the one dataset whose files are those of others: it opens the streams' datasets through the step
 * (`setup.stream`), and so exists only in training. Ids become `STREAM/ID`. Of each stream all images are
 * taken, or a share drawn anew in each phase.
 */
import { UserError } from "../core/errors.ts";
import { type Dataset, definePlugin, type Sample } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { z } from "../core/schema.ts";

/** Images of several streams in one, so that a batch holds any mixture of them. */
export const joined = definePlugin({
  kind: "dataset",
  name: "joined",
  summary: "images of several streams in one, of each all or a random share",
  source: "Zou et al. 2019",
  options: z.strictObject({
    of: z.array(z.strictObject({
      stream: z.string().min(1).describe("source, target, or a name of `streams` that is read"),
      share: z.number().gt(0).max(1).default(1).describe(
        "of its images that are taken, drawn anew in each phase; at least one",
      ),
      mark: z.number().min(0).default(1).describe("a factor of its images for terms that read the mark"),
    })).min(1).describe("what is joined"),
  }),
  plan: ({ of }, at) => ({
    // That of the streams, which the recipe's source checks.
    labelSpace: { name: "", classes: [], ignore: 255 },
    needsRoot: false,
    streams: of.map(({ stream }, k) => ({ stream, at: [...at, "of", k, "stream"] })),
    async open({ stream, seed, draws = "" }) {
      if (!stream) {
        throw new UserError("joined images are read in training alone: their streams are a step's");
      }
      const parts: Part[] = [];
      for (const [k, { stream: name, share, mark }] of of.entries()) {
        const dataset = await stream(name);
        if (dataset.length === 0) throw new UserError(`the stream "${name}" has no images to join`);
        const random = Random.stream(seed, `joined/${draws}/${k}`);
        const indices = share === 1 ? undefined : drawn(dataset.length, share, random);
        parts.push({ name, dataset, indices, mark });
      }
      return join(parts);
    },
  }),
});

/** A stream and what is taken of it. */
interface Part {
  readonly name: string;
  readonly dataset: Dataset;
  /** Of the images that are taken; undefined: all. */
  readonly indices: readonly number[] | undefined;
  readonly mark: number;
}

/**
 * Indices of a random share of the images, at least one, in rising order so that files are read in theirs.
 */
function drawn(length: number, share: number, random: Random): readonly number[] {
  const count = Math.max(1, Math.floor(share * length));
  return [...random.permutation(length)].slice(0, count).sort((a, b) => a - b);
}

function sizeOf({ dataset, indices }: Part): number {
  return indices?.length ?? dataset.length;
}

/** One dataset of all parts, one part after the other. */
function join(parts: readonly Part[]): Dataset {
  const taken = parts.flatMap(({ name, dataset }) =>
    (dataset.taken ?? []).map((each) => ({ ...each, place: `${name}: ${each.place}` }))
  );
  return {
    length: parts.reduce((sum, part) => sum + sizeOf(part), 0),
    ...(taken.length === 0 ? {} : { taken }),
    async survey() {
      const found = parts.map(async ({ name, dataset }) =>
        (await dataset.survey?.() ?? []).map((message) => `${name}: ${message}`)
      );
      return (await Promise.all(found)).flat();
    },
    async read(index, want): Promise<Sample> {
      let place = index, k = 0;
      while (place >= sizeOf(parts[k]!)) place -= sizeOf(parts[k++]!);
      const { name, dataset, indices, mark } = parts[k]!;
      const sample = await dataset.read(indices?.[place] ?? place, want);
      return { ...sample, id: `${name}/${sample.id}`, mark };
    },
  };
}
