/** What a preloaded module changes, it changes on its own thread: this carries it on to the threads that start later. */

/** Has every thread import `module` first, and run what `more` makes of its own module's address. */
export function inEveryThread(module: string, more: (specifier: string) => string = () => ""): void {
  const { Worker: RealWorker } = globalThis;
  globalThis.Worker = class extends RealWorker {
    constructor(specifier: string | URL, options?: WorkerOptions) {
      const imports = [module, String(specifier)].map((each) => `import ${JSON.stringify(each)};`).join("\n");
      const source = `${imports}\n${more(String(specifier))}`;
      super(`data:application/javascript,${encodeURIComponent(source)}`, options);
    }
  };
}
