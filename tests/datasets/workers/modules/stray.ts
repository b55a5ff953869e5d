/** The real worker, in which something is thrown that belongs to no job. */
import "../../../../datasets/workers/worker.ts";

self.addEventListener("message", (event) => {
  const { type } = (event as MessageEvent<{ type: string }>).data;
  if (type === "job") Promise.reject(new Error("nobody caught this"));
});
