/** Turns requests into what the network reads, on this thread or in a worker. */
export interface Maker<Request, Result> {
  /** Several requests may be open at once. Fails when the maker was closed. */
  make(request: Request): Promise<Result>;
  /** Drops what was not begun and frees what was kept. */
  close(): void;
}
