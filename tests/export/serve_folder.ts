/** A plain server of files, as any web space is one. */

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  wasm: "application/wasm",
  png: "image/png",
};

/** Files by their path. */
export type Files = Map<string, Uint8Array>;

/** Serves them while `body` runs. @param body gets the address of the folder */
export async function withFiles(files: Files, body: (address: string) => Promise<void>): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname.slice(1) || "index.html";
    const bytes = files.get(path);
    if (bytes === undefined) return new Response("", { status: 404 });
    const type = TYPES[path.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(new Uint8Array(bytes), { headers: { "content-type": type } });
  });
  try {
    await body(`http://127.0.0.1:${server.addr.port}/`);
  } finally {
    await server.shutdown();
  }
}
