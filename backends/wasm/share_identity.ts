import * as tf from "@tensorflow/tfjs-core";

interface CountedBackend {
  incRef(id: object): void;
}

let replaced = false;

/**
 * Makes `tf.clone` on the WASM backend share memory, as its reshape does. The stock kernel copies, and every
 * tensor that is saved for a gradient is cloned: a step would copy all of its maps. Kernels that write in
 * place have to look at `isShared` first. Repeating it changes nothing.
 */
export function shareIdentity(): void {
  if (replaced) return;
  replaced = true;
  tf.unregisterKernel("Identity", "wasm");
  tf.registerKernel({
    kernelName: "Identity",
    backendName: "wasm",
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs["x"] as tf.TensorInfo;
      (backend as CountedBackend).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}
