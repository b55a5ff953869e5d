/**
 * A backend that computes nothing: it writes down which kernels are called with which tensors, so that
 * export/ can write the same calls into a file. A tensor here is a description (shape, type) without numbers,
 * unless it is a constant: weights, and whatever follows from weights alone. Running a network on this
 * backend yields its graph for one input shape, whatever JavaScript the model's code contains; loops and
 * conditions of that code are gone from the graph. A network that reads a number that depends on its input
 * cannot be recorded.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";
import type { Numbers, Step, Value } from "./recording.ts";

/** A tensor's value, and how many handles it has. */
interface Entry {
  readonly value: Value;
  references: number;
}

/** The backend, as tfjs's engine sees it. Outside of `record` calls are not written down. */
export class Recorder extends tf.KernelBackend {
  readonly #data: tf.DataStorage<Entry> = new tf.DataStorage<Entry>(this, tf.engine());
  #steps: Step[] | undefined;

  /** Runs `body` and returns the steps that it caused, in order. */
  record(body: () => void): readonly Step[] {
    const steps: Step[] = this.#steps = [];
    try {
      body();
    } finally {
      this.#steps = undefined;
    }
    return steps;
  }

  /** Writes down a call. @returns tensors of its outputs */
  add(step: Omit<Step, "outputs">, outputs: readonly Value[]): tf.TensorInfo[] {
    this.#steps?.push({ ...step, outputs });
    return outputs.map((value) => this.hold(value));
  }

  /** A new tensor of a value; two tensors of one value object are the same for the recording. */
  hold(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#data.set(dataId, { value, references: 1 });
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  /** The value of a tensor. If another backend holds it, it moves here, with its numbers. */
  recorded({ dataId }: Pick<tf.TensorInfo, "dataId">): Value {
    return this.#data.get(dataId).value;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.#data.set(dataId, { value: { shape: [...shape], dtype, constant: values as Numbers }, references });
  }

  override readSync(dataId: object): tf.BackendValues {
    const { constant } = this.#data.get(dataId).value;
    if (constant !== undefined) return constant;
    throw new UserError(
      "the network reads numbers that depend on its input while it runs, which a file of operators cannot do",
    );
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const entry = this.#data.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.#data.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.#data.get(dataId).references++;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}
