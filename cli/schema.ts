import { recipeSchema } from "../config/json_schema.ts";
import { builtins } from "../builtins.ts";
import type { Host } from "./host.ts";

/** Runs `plca schema`: prints the JSON Schema of recipes, for editors. @returns the exit status 0 */
export function schemaCommand(host: Host): Promise<number> {
  host.stdout.write(`${JSON.stringify(recipeSchema(builtins()), null, 2)}\n`);
  return Promise.resolve(0);
}
