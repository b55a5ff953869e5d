import * as z from "zod";

/** What validates a plugin's options; zod, so that JSON Schema and documentation come from the same place. */
export type OptionsSchema<O> = z.ZodType<O>;

/** The `z` that plugins and user files use, so that there is only one zod in a process. */
export { z };
