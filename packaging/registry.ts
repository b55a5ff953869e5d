/**
 * A registry of npm packages on 127.0.0.1. `try.ts` serves the files of `deno task pack` with it, and installs
 * them with npm and with Deno, before anything is published. It answers two kinds of request:
 * `/<package name>` gives the package's versions as JSON, `/files/<file name>` gives a packed file.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** A packed file. Each package has one version here. */
interface Entry {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Serves the packed files (.tgz) of a folder, at most one of each package, until the caller closes it. Other
 * packages get status 404.
 */
export async function serveRegistry(
  folder: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const entries: Entry[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".tgz")) entries.push(await entryOf(folder, name));
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    const path = decodeURIComponent(pathname.slice(1));
    const file = entries.find((entry) => path === `files/${entry.file}`);
    if (file) return new Response(file.bytes);
    const entry = entries.find(({ manifest }) => manifest.name === path);
    if (!entry) return new Response("not found", { status: 404 });
    const { manifest, bytes } = entry;
    const digest = createHash("sha512").update(bytes).digest("base64");
    const dist = { tarball: `${origin}/files/${entry.file}`, integrity: `sha512-${digest}` };
    return Response.json({
      name: manifest.name,
      "dist-tags": { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
    });
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, close: () => server.shutdown() };
}

/** Reads a packed file, and the package.json in it. */
async function entryOf(folder: string, file: string): Promise<Entry> {
  const path = join(folder, file);
  const { stdout } = await new Deno.Command("tar", { args: ["-xzOf", path, "package/package.json"] })
    .output();
  const manifest = JSON.parse(new TextDecoder().decode(stdout)) as Entry["manifest"];
  return { manifest, file, bytes: await Deno.readFile(path) };
}
