import { recipeSchema } from "../config/json_schema.ts";
import { builtins } from "../builtins.ts";
import type { Host } from "./host.ts";

/** `plca schema`: returns the exit status. */
export function schemaCommand(host: Host): Promise<number> {
  host.stdout.write(`${JSON.stringify(recipeSchema(builtins()), null, 2)}\n`);
  return Promise.resolve(0);
}
