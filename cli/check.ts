import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { planOf } from "./recipes.ts";

/** `plca check`: returns the exit status. @throws UserError with every mistake of the recipe */
export async function checkCommand(host: Host, args: CommandOf<"check">): Promise<number> {
  const plan = await planOf(host, args.recipe, args.set);
  const losses = plan.losses.map((loss) => loss.weight === 1 ? loss.name : `${loss.weight} ${loss.name}`);
  const splits = Object.keys(plan.data.splits).join(", ");
  host.stdout.write(`${args.recipe}: no mistakes found\n`);
  host.stdout.write(`  objective  ${losses.join(" + ")}\n`);
  host.stdout.write(`  model      ${plan.model.type}, ${plan.labelSpace.classes.length} classes\n`);
  host.stdout.write(`  splits     ${splits}\n`);
  host.stdout.write(`  training   ${plan.training.steps} steps, batch ${plan.training.batch}\n`);
  return 0;
}
