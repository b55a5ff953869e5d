/** A real Chromium for tests of pages; where there is none, they are skipped and counted. */
import assert from "node:assert/strict";
import type { BrowserContext, Page } from "playwright-core";
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

/** Starts Chromium with a new profile, calls `body` with an empty page, and ends it. */
export async function withPage(viewing: Viewing, body: (opened: Opened) => Promise<void>): Promise<void> {
  const { width = 1280, height = 800, scheme = "light", reducedMotion = false } = viewing;
  const { chromium } = await playwright();
  // Playwright makes an empty profile of its own for every start, and removes it.
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
  try {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: reducedMotion ? "reduce" : "no-preference",
    });
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
    await browser.close();
  }
}

/** A test in a Chromium of its own. */
export function pageTest(name: string, viewing: Viewing, body: (opened: Opened) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: !hasChromium(),
    // The browser's pipes end a moment after it.
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
