/**
 * As much of a document as Preact draws into: elements with attributes, texts and events, without a browser.
 * Layout, canvases and everything that measures is left to the tests with Chromium.
 */
import { type ComponentChild, render } from "preact";

/** What handlers are told. */
interface SmallEvent {
  readonly type: string;
  readonly currentTarget: SmallElement;
  preventDefault(): void;
  stopPropagation(): void;
  readonly [key: string]: unknown;
}

class SmallNode {
  parentNode: SmallElement | null = null;
  readonly childNodes: SmallNode[] = [];

  get firstChild(): SmallNode | null {
    return this.childNodes[0] ?? null;
  }

  get nextSibling(): SmallNode | null {
    const row = this.parentNode?.childNodes ?? [];
    return row[row.indexOf(this) + 1] ?? null;
  }

  remove(): void {
    const row = this.parentNode?.childNodes ?? [];
    row.splice(row.indexOf(this), 1);
    this.parentNode = null;
  }

  get textContent(): string {
    return this.childNodes.map((child) => child.textContent).join("");
  }
}

class SmallText extends SmallNode {
  readonly nodeType = 3;

  constructor(public data: string) {
    super();
  }

  override get textContent(): string {
    return this.data;
  }
}

/** An element. */
export class SmallElement extends SmallNode {
  readonly nodeType = 1;
  readonly attributes: Record<string, string> = {};
  readonly style = {
    setProperty: (name: string, value: string) => void (this.attributes[`style ${name}`] = value),
  };
  readonly #handlers = new Map<string, (event: SmallEvent) => void>();

  constructor(readonly localName: string) {
    super();
  }

  insertBefore(node: SmallNode, before: SmallNode | null): SmallNode {
    if (node.parentNode) node.remove();
    const at = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }

  setAttribute(name: string, value: unknown): void {
    this.attributes[name] = String(value);
  }

  removeAttribute(name: string): void {
    delete this.attributes[name];
  }

  addEventListener(type: string, handler: (event: SmallEvent) => void): void {
    this.#handlers.set(type, handler);
  }

  removeEventListener(type: string): void {
    this.#handlers.delete(type);
  }

  /** The element that took the focus last. */
  static focused: SmallElement | undefined;

  focus(): void {
    SmallElement.focused = this;
  }

  /** All elements below with this name, in the order of the document. */
  all(name: string): SmallElement[] {
    return this.childNodes.flatMap((child) =>
      child instanceof SmallElement ? [...child.localName === name ? [child] : [], ...child.all(name)] : []
    );
  }

  /** The element itself or the nearest around it with this name. */
  closest(name: string): SmallElement | null {
    return this.localName === name ? this : this.parentNode?.closest(name) ?? null;
  }

  /** Of elements below, the first whose attribute is as in `[data-cell="0 1"]`. */
  querySelector(selector: string): SmallElement | null {
    const [, name, value] = /^\[([\w-]+)="(.*)"\]$/.exec(selector)!;
    const below = (node: SmallNode): SmallElement[] =>
      node.childNodes.flatMap((child) => child instanceof SmallElement ? [child, ...below(child)] : []);
    return below(this).find((one) => one.attributes[name!] === value) ?? null;
  }

  /**
   * Lets something happen to the element, and waits until the page is drawn again. @returns whether the handler keeps
   * the browser from doing its own
   */
  async fire(type: string, more: Readonly<Record<string, unknown>> = {}): Promise<boolean> {
    const handler = this.#handlers.get(type);
    if (handler === undefined) throw new Error(`<${this.localName}> does not listen to ${type}`);
    let prevented = false;
    handler.call(this, {
      type,
      currentTarget: this,
      preventDefault: () => void (prevented = true),
      stopPropagation: () => {},
      ...more,
    });
    await new Promise((drawn) => setTimeout(drawn));
    return prevented;
  }
}

/** Calls `body` with what is drawn of a component. */
export async function withDrawn(
  component: ComponentChild,
  body: (root: SmallElement) => void | Promise<void>,
): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, "document");
  const root = new SmallElement("body");
  const document = {
    createElement: (name: string) => new SmallElement(name),
    createElementNS: (_: string, name: string) => new SmallElement(name),
    createTextNode: (text: string) => new SmallText(text),
  };
  Object.defineProperty(globalThis, "document", { value: document, configurable: true });
  try {
    render(component, root as unknown as Parameters<typeof render>[1]);
    await body(root);
    render(null, root as unknown as Parameters<typeof render>[1]);
  } finally {
    if (before) Object.defineProperty(globalThis, "document", before);
    else Reflect.deleteProperty(globalThis, "document");
  }
}
