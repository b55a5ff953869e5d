/**
 * What the page may ask about associations: the parameters of an address, checked before anything is
 * computed. Whoever has the token can send anything.
 */
import { UserError } from "../core/errors.ts";
import { z } from "../core/schema.ts";
import type { LevelRequest, RowRequest } from "../explore/types.ts";

/** A number in an address, from 0 on. */
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

/** Two images at a level. @throws UserError */
export function levelQuestion(parameters: URLSearchParams): LevelRequest {
  return parsed(level, parameters);
}

/** A row of a level. @throws UserError */
export function rowQuestion(parameters: URLSearchParams): RowRequest {
  return parsed(row, parameters);
}

/** An image. @throws UserError */
export function imageQuestion(parameters: URLSearchParams): z.infer<typeof image> {
  return parsed(image, parameters);
}

/** Parameters as a schema reads them. @throws UserError with the first that is wrong */
function parsed<T>(schema: z.ZodType<T>, parameters: URLSearchParams): T {
  const result = schema.safeParse(Object.fromEntries(parameters));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${issue!.path.join(".") || "the question"}: ${issue!.message}`);
}
