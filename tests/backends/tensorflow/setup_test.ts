/** What setup looks for, refuses and leaves behind; nothing here reaches a network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RECORD } from "../../../backends/tensorflow/place.ts";
import { checkIntegrity, NODE_API_HEADERS, TFJS_NODE } from "../../../backends/tensorflow/setup/packages.ts";
import { claimFolder, LOCK } from "../../../backends/tensorflow/setup/claim.ts";
import { searchFlags } from "../../../backends/tensorflow/setup/compile.ts";
import { execute } from "../../../backends/tensorflow/setup/execute.ts";
import { install, uninstall } from "../../../backends/tensorflow/setup/install.ts";
import { findLibraries } from "../../../backends/tensorflow/setup/libraries.ts";
import { UserError } from "../../../core/errors.ts";
import config from "../../../deno.json" with { type: "json" };
import { inFolder } from "../../cli/fake_host.ts";

async function touch(folder: string, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(join(folder, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, path), "");
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

const HEADER = "tensorflow/c/eager/c_api.h";

Deno.test("libraries are found in an installed wheel, in its package, and in TensorFlow for C", async () => {
  await inFolder(async (folder) => {
    const wheel = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
    await touch(folder, ...wheel.map((name) => `wheel/tensorflow/${name}`), "wheel/tensorflow/other.so");
    await touch(folder, `wheel/tensorflow/include/${HEADER}`);
    await touch(
      folder,
      "c/lib/libtensorflow.so.2",
      "c/lib/libtensorflow_framework.so.2",
      `c/include/${HEADER}`,
    );
    const own = { folder: join(folder, "wheel/tensorflow"), names: wheel };
    const include = join(folder, "wheel/tensorflow/include");
    assert.deepEqual(await findLibraries(join(folder, "wheel")), { ...own, include });
    assert.deepEqual(await findLibraries(join(folder, "wheel/tensorflow")), { ...own, include });
    assert.deepEqual(await findLibraries(join(folder, "c")), {
      folder: join(folder, "c/lib"),
      names: ["libtensorflow.so.2", "libtensorflow_framework.so.2"],
      include: join(folder, "c/include"),
    });
  });
});

Deno.test("a folder without libraries, without the main one, or without headers is refused by name", async () => {
  await inFolder(async (folder) => {
    const refused = async (message: string) => {
      await assert.rejects(findLibraries(folder), (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.message, message);
        return true;
      });
    };
    await refused(
      `--libtensorflow ${folder}: found no libtensorflow_cc.so.2 or libtensorflow.so.2 there, in tensorflow/ or in lib/`,
    );
    await touch(folder, "tensorflow/libtensorflow_framework.so.2");
    await refused(
      `--libtensorflow ${folder}: ${folder}/tensorflow holds libtensorflow_framework.so.2 but no ` +
        "libtensorflow_cc.so.2 or libtensorflow.so.2, as wheels of TensorFlow 2.13 and older do; take a newer one",
    );
    await touch(folder, "tensorflow/libtensorflow_cc.so.2");
    await refused(`--libtensorflow ${folder}: found no include/${HEADER} there or in tensorflow/`);
  });
});

Deno.test("a package that is not the published one is refused", () => {
  const { integrity } = NODE_API_HEADERS;
  checkIntegrity(NODE_API_HEADERS, integrity);
  assert.throws(() => checkIntegrity(NODE_API_HEADERS, "sha512-AAAA"), {
    name: "UserError",
    message:
      `node-api-headers@1.9.0 is not the package that plca knows: expected ${integrity}, found sha512-AAAA`,
  });
  assert.throws(() => checkIntegrity(NODE_API_HEADERS, undefined), /, found none$/);
});

Deno.test("both packages are of our tensor library's version", () => {
  const own = config.imports["@tensorflow/tfjs-core"].split("@").at(-1);
  assert.deepEqual(Object.values(TFJS_NODE).map(({ version }) => version), [own, own]);
});

Deno.test("what fails leaves the installation that was there, and nothing half done", async () => {
  await inFolder(async (folder) => {
    const place = join(folder, ".tensorflow");
    await touch(folder, `.tensorflow/${RECORD}`, ".tensorflow-new/package/half", "empty/file");
    const told: string[] = [];
    const wanted = {
      folder: place,
      kind: "cpu",
      libraries: join(folder, "empty"),
      tell: (line: string) => void told.push(line),
    } as const;
    await assert.rejects(install(wanted), UserError);
    assert.deepEqual(told, ["removed what a setup that was broken off had left"]);
    assert.deepEqual(namesIn(folder), [".tensorflow", "empty"]);
    assert.deepEqual(namesIn(place), [RECORD]);
  });
});

Deno.test("a second setup, or a removal, beside one that is at work is refused and takes nothing from it", async () => {
  await inFolder(async (folder) => {
    const place = join(folder, ".tensorflow");
    const message = `another setup of TensorFlow is at work in ${place}-new; wait for it, then try again`;
    const wanted = { folder: place, kind: "cpu", libraries: folder, tell: () => {} } as const;
    {
      using _claim = await claimFolder(`${place}-new`);
      await touch(folder, ".tensorflow-new/half", ".tensorflow/mine");
      await assert.rejects(install(wanted), { name: "UserError", message });
      await assert.rejects(uninstall(place), { name: "UserError", message });
      assert.deepEqual(namesIn(`${place}-new`), ["half", LOCK]);
      assert.deepEqual(namesIn(place), ["mine"]);
    }
    assert.equal(await uninstall(place), true);
    assert.deepEqual(namesIn(folder), []);
  });
});

Deno.test("a place that cannot be written is named", async () => {
  await inFolder(async (folder) => {
    await touch(folder, "file");
    const place = join(folder, "file/.tensorflow");
    await assert.rejects(
      install({ folder: place, kind: "cpu", libraries: folder, tell: () => {} }),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(
          error.message,
          /^TensorFlow cannot be set up: \/.+file\/\.tensorflow-new cannot be written: Not a directory/,
        );
        return true;
      },
    );
  });
});

Deno.test("libraries that an addon could not look for are refused before anything is fetched", async () => {
  await inFolder(async (folder) => {
    await touch(folder, "a:$b/libtensorflow_cc.so.2", `a:$b/include/${HEADER}`);
    const told: string[] = [];
    const wanted = {
      folder: join(folder, ".tensorflow"),
      kind: "cpu",
      libraries: join(folder, "a:$b"),
      tell: (line: string) => void told.push(line),
    } as const;
    await assert.rejects(install(wanted), {
      name: "UserError",
      message: `--libtensorflow: libraries cannot be used from ${folder}/a:$b, whose path holds : and $; ` +
        "move them, or give a link to them whose path holds neither : nor $",
    });
    assert.deepEqual(told, []);
    assert.deepEqual(namesIn(folder), ["a:$b"]);
  });
});

Deno.test("the linker gets a library's folder whole, commas included", () => {
  assert.deepEqual(searchFlags("/a,b"), ["-Xlinker", "-rpath", "-Xlinker", "/a,b"]);
});

Deno.test("removing takes what is half done along, and can be repeated", async () => {
  await inFolder(async (folder) => {
    const place = join(folder, ".tensorflow");
    await touch(folder, `.tensorflow/${RECORD}`, ".tensorflow-new/half", "mine");
    assert.equal(await uninstall(place), true);
    assert.deepEqual(namesIn(folder), ["mine"]);
    assert.equal(await uninstall(place), false);
  });
});

Deno.test("a program that is missing or fails is named, with the last it said", async () => {
  await inFolder(async (folder) => {
    await assert.rejects(execute("no-such-compiler", [], folder), {
      name: "UserError",
      message: "no-such-compiler is not there; install it and try again",
    });
    const failing = ["eval", "console.error('first\\n\\nsecond'); Deno.exit(3)"];
    await assert.rejects(execute(Deno.execPath(), failing, folder), {
      name: "UserError",
      message: `${Deno.execPath()} ended with status 3:\n  first\n  second`,
    });
    const printing = ["eval", "console.log(7)"];
    assert.equal(await execute(Deno.execPath(), printing, folder), "7\n");
  });
});
