import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inFolder, plca } from "./fake_host.ts";

const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

Deno.test("new loss writes a loss of under 25 lines and a test that passes", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await plca(["new", "loss", "my_loss"], { cwd: folder });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(
      stdout,
      "Wrote my_loss.ts and my_loss_test.ts\n" +
        `Test it:           npx --yes deno@2.9.6 test --config ${config} --allow-read --allow-env my_loss_test.ts\n` +
        "A recipe beside it that adds it to the losses of the one it extends:\n" +
        "  extends: street\n  losses:\n    my-loss: { use: ./my_loss.ts, weight: 0.1 }\n" +
        "In a recipe that lists all its losses itself, as a further line of the list:\n" +
        "    - { use: ./my_loss.ts, weight: 0.1 }\n",
    );
    assert.ok((await Deno.readTextFile(join(folder, "my_loss.ts"))).split("\n").length <= 25);
    const test = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "--config", config, "--allow-read", "--allow-env", "my_loss_test.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(test.stdout) + new TextDecoder().decode(test.stderr);
    assert.ok(test.success, text);
    assert.match(text, /my-loss is lower where the network is surer \.\.\. ok/);
  }));

Deno.test("new loss overwrites nothing and writes nothing when one of the two is there", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine_test.ts"), "mine");
    const { code, stderr } = await plca(["new", "loss", "mine"], { cwd: folder });
    assert.deepEqual([code, stderr], [2, "mine_test.ts exists already; choose another name\n"]);
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["mine_test.ts"]);
    assert.equal(await Deno.readTextFile(join(folder, "mine_test.ts")), "mine");
  }));

Deno.test("new loss prints a recipe that keeps the losses of the one it extends", () =>
  inFolder(async (folder) => {
    const { stdout } = await plca(["new", "loss", "my_loss"], { cwd: folder });
    const printed = /^ {2}extends: [^]*?(?=^\S)/m.exec(stdout)![0];
    await Deno.writeTextFile(join(folder, "mine.yaml"), printed.replaceAll(/^ {2}/gm, ""));
    const street = await plca(["check", "street"], { cwd: folder });
    const mine = await plca(["check", "mine.yaml", "--import"], { cwd: folder });
    const objective = (text: string) => /^ *objective {2}(.*)$/m.exec(text)![1];
    assert.equal(objective(mine.stdout), `${objective(street.stdout)} + 0.1 my-loss`);
  }));

Deno.test("a new loss is at once usable in a recipe", () =>
  inFolder(async (folder) => {
    await plca(["new", "loss", "my-loss.ts"], { cwd: folder });
    await Deno.writeTextFile(
      join(folder, "mine.yaml"),
      "extends: street\nlosses:\n  - type: cross-entropy\n  - use: ./my_loss.ts\n    options: { powr: 2 }\n",
    );
    const wrong = await plca(["check", "mine.yaml", "--import"], { cwd: folder });
    assert.deepEqual(
      wrong.stderr,
      'mine.yaml:5:16 losses[1].options.powr: unknown key; did you mean "power"?\n',
    );
    const right = await plca(["check", "mine.yaml", "--import", "--set", "losses[1].options={power: 2}"], {
      cwd: folder,
    });
    assert.equal(right.stderr, 'mine.yaml:5:16 losses[1].options.powr: unknown key; did you mean "power"?\n');
    const reset = await plca(["check", "mine.yaml", "--import", "--set", "losses[1].options=null"], {
      cwd: folder,
    });
    assert.match(reset.stdout, /objective {2}cross-entropy \+ my-loss\n/);
  }));
