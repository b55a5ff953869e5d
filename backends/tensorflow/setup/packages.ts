/** The npm packages that setup takes, each held to one version and its checksum. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { execute } from "./execute.ts";

/** A package of one version. */
export interface Pinned {
  readonly name: string;
  readonly version: string;
  /** As npm writes it: `sha512-` and base64, of the published archive. */
  readonly integrity: string;
}

/**
 * The two packages have the same sources and differ in what their install scripts download. Their version is
 * that of our tfjs-core.
 */
export const TFJS_NODE: Readonly<Record<"cpu" | "gpu", Pinned>> = {
  cpu: {
    name: "@tensorflow/tfjs-node",
    version: "4.22.0",
    integrity:
      "sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
  },
  gpu: {
    name: "@tensorflow/tfjs-node-gpu",
    version: "4.22.0",
    integrity:
      "sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==",
  },
};

/** The headers of Node-API, which Deno has too. */
export const NODE_API_HEADERS: Pinned = {
  name: "node-api-headers",
  version: "1.9.0",
  integrity:
    "sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
};

/**
 * Puts a package's files into `folder`, which is created. None of its scripts runs, and nothing that it
 * depends on is installed. @throws UserError when the archive is not the published one
 */
export async function unpack(pinned: Pinned, folder: string): Promise<void> {
  const { name, version } = pinned;
  await Deno.mkdir(folder, { recursive: true });
  await execute("npm", ["pack", `${name}@${version}`, "--pack-destination", folder, "--silent"], folder);
  const archive = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  const path = join(folder, archive);
  checkIntegrity(pinned, `sha512-${createHash("sha512").update(await readFile(path)).digest("base64")}`);
  await execute("tar", ["-xzf", archive, "--strip-components=1"], folder);
  await Deno.remove(path);
}

/** @throws UserError when the package is not the one that was published when this project was written */
export function checkIntegrity({ name, version, integrity }: Pinned, found: string | undefined): void {
  if (found === integrity) return;
  throw new UserError(
    `${name}@${version} is not the package that plca knows: expected ${integrity}, found ${found ?? "none"}`,
  );
}
