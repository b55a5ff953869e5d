/**
 * The questions that the page of `plca view` may ask the association explorer. They come as the parameters of
 * an address (view/server.ts), and are checked before anything is computed: everybody who knows the secret
 * token in the page's address (guard.ts) can send any text. explore/types.ts says what a level, a cycle and a
 * row are; web/explorer holds the page that asks.
 */
import { UserError } from "../core/errors.ts";
import { z } from "../core/schema.ts";
import type { LevelRequest, RowRequest } from "../explore/types.ts";

/** A whole number in an address, from 0 on. */
const index = z.string().regex(/^\d{1,9}$/, "expected a whole number from 0 on").transform(Number);

const level = z.strictObject({
  checkpoint: z.string().min(1).max(200),
  statistics: z.enum(["running", "image"]),
  source: index,
  targetSet: z.enum(["target", "val"]),
  target: index,
  level: index,
});

const row = z.strictObject({
  ...level.shape,
  kind: z.enum(["forward", "back", "aggregation"]),
  pixel: index,
});

const image = z.strictObject({ set: z.enum(["source", "target", "val"]), index });

/** The question for all cycles of two images at a level. @throws UserError */
export function levelQuestion(parameters: URLSearchParams): LevelRequest {
  return parsed(level, parameters);
}

/** The question for one row of a level's matrices. @throws UserError */
export function rowQuestion(parameters: URLSearchParams): RowRequest {
  return parsed(row, parameters);
}

/** The question for a picture to show. @throws UserError */
export function imageQuestion(parameters: URLSearchParams): z.infer<typeof image> {
  return parsed(image, parameters);
}

/** Reads parameters by a schema. @throws UserError for the first that is wrong */
function parsed<T>(schema: z.ZodType<T>, parameters: URLSearchParams): T {
  const result = schema.safeParse(Object.fromEntries(parameters));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${issue!.path.join(".") || "the question"}: ${issue!.message}`);
}
