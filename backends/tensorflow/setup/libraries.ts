/** Finds TensorFlow's libraries and headers in a folder of the user's. */
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";

/** The libraries and headers that an addon is compiled with. */
export interface Libraries {
  /** The folder of the libraries, absolute. */
  readonly folder: string;
  /** Their names. */
  readonly names: readonly string[];
  /** The folder that holds `tensorflow/c/c_api.h`, absolute. */
  readonly include: string;
}

/** File names of a wheel's libraries, and of those of TensorFlow for C. */
const NAMES = /^libtensorflow(?:_cc|_framework)?(?:\.so\.2|\.2\.dylib)$/;
const HEADER = "tensorflow/c/eager/c_api.h";

/**
 * Finds libraries and headers below a folder.
 * @param given absolute: where a Python wheel was unpacked or installed, its folder `tensorflow`, or
 * TensorFlow for C with `lib` and `include`
 * @throws UserError that says what was looked for
 */
export async function findLibraries(given: string): Promise<Libraries> {
  const places = ["", "tensorflow", "lib"].map((name) => join(given, name));
  const found = await Promise.all(places.map(async (folder) => ({ folder, names: await namesIn(folder) })));
  const libraries = found.find(({ names }) => names.length > 0);
  if (libraries === undefined) {
    throw new UserError(
      `--libtensorflow ${given}: found no libtensorflow_cc.so.2 or libtensorflow.so.2 there, in tensorflow/ or in lib/`,
    );
  }
  // TensorFlow for C has both a main library and a framework; one of a wheel's two alone would not link.
  if (!libraries.names.some((name) => !name.includes("_framework"))) {
    throw new UserError(
      `--libtensorflow ${given}: ${libraries.folder} holds ${libraries.names.join(", ")} but no ` +
        "libtensorflow_cc.so.2 or libtensorflow.so.2, as wheels of TensorFlow 2.13 and older do; take a newer one",
    );
  }
  for (const include of ["include", "tensorflow/include"].map((name) => join(given, name))) {
    if (await isFile(join(include, HEADER))) return { ...libraries, include };
  }
  throw new UserError(`--libtensorflow ${given}: found no include/${HEADER} there or in tensorflow/`);
}

/**
 * Refuses a folder in which an addon cannot look for libraries: `:` separates folders in such a path, and `$`
 * begins a variable. @throws UserError
 */
export function refuseUnsearchable(folder: string): void {
  const found = [":", "$"].filter((character) => folder.includes(character));
  if (found.length === 0) return;
  throw new UserError(
    `--libtensorflow: libraries cannot be used from ${folder}, whose path holds ${found.join(" and ")}; ` +
      "move them, or give a link to them whose path holds neither : nor $",
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
      .filter((name) => NAMES.test(name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
