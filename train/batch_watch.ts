import type { Batches } from "./context.ts";

/** Looks at the batches of a training for something that a person would want to know. */
export interface BatchWatch {
  /** Looks at the batches of a pass. @returns a sentence for each thing to tell now */
  see(batches: Batches): string[];
  /** To be called after the last batch. @returns a sentence for each thing that is known only then */
  end?(): string[];
}
