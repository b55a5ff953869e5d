/** A worker that cannot even be loaded. */
throw new TypeError("sharp is not for this machine");
