/**
 * A registry of npm packages on 127.0.0.1 that serves what `deno task pack` made, so that a package can be
 * installed and tried before it is published.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** One package, in its only version. */
interface Entry {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Serves the packed files of a folder. The caller has to close it. */
export async function serveRegistry(
  folder: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const entries: Entry[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".tgz")) entries.push(await entryOf(folder, name));
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    const asked = decodeURIComponent(pathname.slice(1));
    const file = entries.find((entry) => asked === `files/${entry.file}`);
    if (file) return new Response(file.bytes);
    const entry = entries.find(({ manifest }) => manifest.name === asked);
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
