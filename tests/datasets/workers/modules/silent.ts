/** A worker that answers nothing, as on a disk that hangs. */
self.addEventListener("message", () => {});
