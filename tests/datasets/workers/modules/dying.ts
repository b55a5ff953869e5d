/** A worker that throws outside of any job, and ends, once it has one. */
self.addEventListener("message", (event) => {
  const { type } = (event as MessageEvent<{ type: string }>).data;
  if (type === "job") {
    setTimeout(() => {
      throw new RangeError("out of memory");
    });
  }
});
