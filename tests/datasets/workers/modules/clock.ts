/** A worker that takes 20 ms a job and answers when it was done. */
import type { Order } from "../../../../datasets/workers/protocol.ts";

const scope = self as unknown as Worker;
scope.onmessage = ({ data: order }: MessageEvent<Order>) => {
  if (order.type === "close") scope.postMessage({ type: "closed" });
  if (order.type !== "job") return;
  for (const start = performance.now(); performance.now() < start + 20;);
  scope.postMessage({ type: "done", job: order.job, result: { done: Date.now() } });
};
