/** Preloaded: every worker of the process throws after a while, whatever it is doing. */
const { Worker: RealWorker } = globalThis;
globalThis.Worker = class extends RealWorker {
  constructor(specifier: string | URL, options?: WorkerOptions) {
    const doomed = `import ${JSON.stringify(String(specifier))};
setTimeout(() => { throw new Error("struck by the test"); }, 1500);`;
    super(`data:application/javascript,${encodeURIComponent(doomed)}`, options);
  }
};
