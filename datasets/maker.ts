/**
 * Makes products from requests, on this thread or in a worker: batches from sample plans, evaluation images
 * from indices. The same request gives the same product wherever it is made.
 */
export interface Maker<Request, Result> {
  /** Several requests may be open at once. Fails when the maker was closed. */
  make(request: Request): Promise<Result>;
  /** Drops what was not begun and frees what was kept. */
  close(): void;
}
