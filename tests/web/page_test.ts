import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { pageHtml } from "../../view/html.ts";
import { pageTest } from "../browser.ts";

const HOSTILE =
  '</script><script>document.title = "taken"</script><img src=x onerror=alert(1)> \u2028 & <!--';

Deno.test("a page's data cannot end its element", async () => {
  const html = await pageHtml({ title: "<b>&\u202e", script: "1", data: { text: HOSTILE } });
  const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(html)!;
  assert.doesNotMatch(json!, /[<>&\u2028]/);
  assert.deepEqual(JSON.parse(json!), { text: HOSTILE });
  assert.match(html, /<title>&lt;b&gt;&amp;\[U\+202E\]<\/title>/);
});

Deno.test("a page may ask nobody, or with `server` its own origin", async () => {
  const policy = async (server: boolean) =>
    /Content-Security-Policy" content="([^"]*)"/.exec(await pageHtml({ title: "", script: "1", server }))![1];
  const style = / style-src 'sha256-[A-Za-z0-9+/]{43}='/.exec((await policy(false))!)![0];
  // echo -n 1 | openssl dgst -sha256 -binary | base64
  const script = "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='";
  const end = "base-uri 'none'; form-action 'none'";
  assert.equal(await policy(false), `default-src 'none'; ${script};${style}; img-src data: blob:; ${end}`);
  assert.equal(
    await policy(true),
    `default-src 'none'; ${script};${style}; img-src data: blob: 'self'; connect-src 'self'; ${end}`,
  );
});

Deno.test("a script that would end its element early is refused", async () => {
  for (const script of ["'</SCRIPT>'", "'<!-- '"]) {
    await assert.rejects(pageHtml({ title: "", script }), /^Error: the script holds <\/script or <!--$/);
  }
});

pageTest(
  "scripts and styles that are not the page's own do nothing",
  {},
  async ({ page, folder, requests }) => {
    const script = `
    const { text } = JSON.parse(document.getElementById("data").textContent);
    document.getElementById("page").textContent = text;
    const img = document.createElement("img");
    img.src = "https://example.com/x.png";
    document.body.append(img);
    fetch("https://example.com/").catch(() => document.body.dataset.fetch = "refused");
    const other = document.createElement("script");
    other.textContent = "document.title = 'taken'";
    document.body.append(other);`;
    const path = `${folder}/page.html`, url = pathToFileURL(path).href;
    await Deno.writeTextFile(path, await pageHtml({ title: "T", script, data: { text: HOSTILE } }));
    const refused: string[] = [];
    page.on("requestfailed", (request) => refused.push(`${request.url()} ${request.failure()?.errorText}`));
    await page.goto(url);
    await page.waitForSelector("body[data-fetch=refused]");
    assert.equal(await page.title(), "T");
    assert.equal(await page.textContent("#page"), HOSTILE);
    // The image was announced, and refused before it left; the request of `fetch` was not even made.
    assert.deepEqual(requests, [url, "https://example.com/x.png"]);
    assert.deepEqual(refused, ["https://example.com/x.png csp"]);
  },
);
