/** A real Chromium for tests of pages; where there is none, they are skipped and counted. */
import assert from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { inFolder } from "./cli/fake_host.ts";

/** Where Debian's package puts it. */
const EXECUTABLE = "/usr/bin/chromium";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether Chromium is there. */
export function hasChromium(): boolean {
  try {
    return Deno.statSync(EXECUTABLE).isFile;
  } catch {
    return false;
  }
}

function playwright() {
  // Without it, one of its libraries reads below /proc when it is loaded, which needs every permission there is.
  Deno.env.set("__IS_WSL_TEST__", "1");
  return import("playwright-core");
}

/** What a test of a page gets. */
export interface Opened {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Empty, removed afterwards. */
  readonly folder: string;
  /** Addresses the page asked for, `data:` and `blob:` ones left out. */
  readonly requests: readonly string[];
  /** Errors and warnings of its console, and what it threw. */
  readonly complaints: readonly string[];
}

/** How the page is looked at. */
export interface Viewing {
  /** 1280 x 800 when absent. */
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly reducedMotion?: boolean;
}

/** One for all tests of a file; each of them has a context of its own, with nothing stored. */
let started: Promise<Browser> | undefined;

async function start(): Promise<Browser> {
  const { chromium } = await playwright();
  // Playwright makes an empty profile for every start, and removes it.
  return await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** Ends the browser of {@linkcode withPage}; tests by {@linkcode pageTest} do so themselves. */
export async function closeBrowser(): Promise<void> {
  await (await started)?.close();
  started = undefined;
}

/** Calls `body` with an empty page that nothing was shown in before. */
export async function withPage(viewing: Viewing, body: (opened: Opened) => Promise<void>): Promise<void> {
  const { width = 1280, height = 800, scheme = "light", reducedMotion = false } = viewing;
  const browser = await (started ??= start());
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: reducedMotion ? "reduce" : "no-preference",
  });
  try {
    const page = await context.newPage();
    const [requests, complaints]: [string[], string[]] = [[], []];
    context.on("request", (request) => {
      if (!/^(?:data|blob):/.test(request.url())) requests.push(request.url());
    });
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await inFolder((folder) => body({ page, context, folder, requests, complaints }));
  } finally {
    await context.close();
  }
}

Deno.test.afterAll?.(closeBrowser);

/** A test with a page of its own. */
export function pageTest(name: string, viewing: Viewing, body: (opened: Opened) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: !hasChromium(),
    // The browser stays for the tests that follow.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => withPage(viewing, body),
  });
}

/** The page does not scroll sideways. */
export async function assertFits(page: Page): Promise<void> {
  const [inner, content] = await page.evaluate<[number, number]>(
    "[document.documentElement.clientWidth, document.documentElement.scrollWidth]",
  );
  assert.ok(content <= inner, `the page is ${content} pixels wide in a window of ${inner}`);
}
