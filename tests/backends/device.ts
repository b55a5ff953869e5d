/** What the device is asked for, and what is found out about it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { addsInSubgroups, type DeviceBackend, requestDevice } from "../../backends/webgpu/device.ts";
import { backendTest } from "../goldens.ts";

/** An adapter that refuses `refused`. @returns it, and the features it was asked for */
function adapterWithout(refused: string) {
  const asked: string[][] = [];
  const adapter = {
    features: new Set(["timestamp-query"]),
    limits: { maxStorageBufferBindingSize: 2 ** 27 },
    requestDevice({ requiredFeatures }: { requiredFeatures: string[] }) {
      asked.push(requiredFeatures);
      if (requiredFeatures.includes(refused)) return Promise.reject(new TypeError(`no ${refused}`));
      return Promise.resolve({ features: new Set(requiredFeatures) });
    },
  };
  return { adapter: adapter as unknown as GPUAdapter, asked };
}

/** Registers the tests. */
export function testDevice(): void {
  backendTest("webgpu", "the device is asked for with subgroups; one without them does as well", async () => {
    const granting = adapterWithout("nothing");
    await requestDevice(granting.adapter);
    assert.deepEqual(granting.asked, [["timestamp-query", "subgroups"]]);
    const refusing = adapterWithout("subgroups");
    assert.deepEqual([...(await requestDevice(refusing.adapter)).features], ["timestamp-query"]);
    assert.deepEqual(refusing.asked, [["timestamp-query", "subgroups"], ["timestamp-query"]]);
  });

  backendTest(
    "webgpu",
    "whether subgroups add up is tried on the device, which has them or not",
    async () => {
      const { device, subgroups } = tf.backend() as DeviceBackend;
      assert.equal(await addsInSubgroups(device), subgroups);
      const plain = await (await navigator.gpu.requestAdapter())!.requestDevice();
      assert.equal(await addsInSubgroups(plain), false);
      // A compiler that does not know them: the shader is refused, and nothing else happens.
      const claiming = new Proxy(plain, {
        get(device, name) {
          if (name === "features") return new Set(["subgroups"]);
          const value = Reflect.get(device, name, device);
          return typeof value === "function" ? value.bind(device) : value;
        },
      });
      assert.equal(await addsInSubgroups(claiming), false);
      plain.destroy();
    },
  );
}
