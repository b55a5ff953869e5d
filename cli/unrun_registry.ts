/** What stands for the plugins of a recipe's own files while these are not run. */
import { basename } from "node:path";
import { type ConfigPath, UserError } from "../core/errors.ts";
import { definePlugin, type Kind, type Plugin } from "../core/plugin.ts";
import { Registry } from "../core/registry.ts";
import { z } from "../core/schema.ts";

/** The plugins of a registry and, once a file was met that is not run, any name of the kinds it may define. */
export class UnrunRegistry extends Registry {
  readonly #names: Set<string>;
  #met = false;

  constructor(known: Registry) {
    super(known.all());
    this.#names = new Set(known.all("loss").map(({ name }) => name));
  }

  /** The loss of a file: called what the file is, and numbered where that name is taken; the file's own is not known. */
  unrunLoss(file: string): Plugin<"loss"> {
    this.#met = true;
    const stem = basename(file).replace(/\.[^.]*$/, "").replaceAll("_", "-");
    let name = stem;
    for (let number = 2; this.#names.has(name); number++) name = `${stem}-${number}`;
    this.#names.add(name);
    return definePlugin({
      kind: "loss",
      name,
      summary: UNRUN,
      options: z.looseObject({}),
      plan: () => ({ needs: { taps: [] }, create: () => refuse("loss", name) }),
    });
  }

  override get<K extends Kind>(kind: K, name: string, at: ConfigPath): Plugin<K> {
    try {
      return super.get(kind, name, at);
    } catch (error) {
      const unrun = this.#met ? STAND_INS[kind]?.(name) : undefined;
      if (unrun === undefined) throw error;
      return unrun as Plugin<K>;
    }
  }
}

const UNRUN = "of a file that was not run";

const options = z.looseObject({});

/** Of the kinds that a plan can do without knowing. */
const STAND_INS: { readonly [K in Kind]?: (name: string) => Plugin<K> } = {
  similarity: (name) =>
    definePlugin({
      kind: "similarity",
      name,
      summary: UNRUN,
      options,
      plan: () => ({
        accepts: "real",
        symmetric: false,
        contrastAggregation: true,
        pairwise: () => refuse("similarity", name),
      }),
    }),
  optimizer: (name) =>
    definePlugin({
      kind: "optimizer",
      name,
      summary: UNRUN,
      options,
      plan: () => ({ create: () => refuse("optimizer", name) }),
    }),
  schedule: (name) =>
    definePlugin({
      kind: "schedule",
      name,
      summary: UNRUN,
      options,
      plan: () => ({ multiplier: () => refuse("schedule", name) }),
    }),
};

function refuse(kind: Kind, name: string): never {
  throw new UserError(
    `the ${kind} "${name}" is not one of plca's, and only train, ablate and check --import run a recipe's own files`,
  );
}
