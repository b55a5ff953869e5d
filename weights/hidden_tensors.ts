/**
 * Tensors inside of objects that plca does not make: a file that `torch.save` was given a whole module or a
 * class of a training library. Nothing of them can be read, so the error must say where they lie and which
 * line of Python saves them alone.
 */
import { Opaque, plainText } from "./pickle_values.ts";
import { TorchTensor } from "./torch_tensor.ts";
import { DEEPEST } from "./weights_file.ts";

/** An object of an unknown name in which tensors lie, and the keys that lead to it. */
interface Holder {
  readonly opaque: Opaque;
  /** Texts that lead to it. */
  readonly keys: readonly string[];
}

/** The first object of an unknown name in which tensors lie, breadth first; undefined when there is none. */
export function holderOf(value: unknown): Holder | undefined {
  const seen = new Set<unknown>(), without = new Set<unknown>();
  const waiting: [unknown, readonly string[]][] = [[value, []]];
  for (const [one, keys] of waiting) {
    if (seen.has(one)) continue;
    seen.add(one);
    if (one instanceof Opaque) {
      if (hasTensor(one, without)) return { opaque: one, keys };
    } else if (one instanceof Map && keys.length < DEEPEST) {
      for (const [key, inner] of one) {
        if (typeof inner === "object") waiting.push([inner, [...keys, plainText(key)]]);
      }
    }
  }
  return undefined;
}

/**
 * Whether a tensor lies anywhere in a value. @param seen what was looked through before without finding one
 */
function hasTensor(value: unknown, seen: Set<unknown>): boolean {
  const waiting = [value];
  while (waiting.length > 0) {
    const one = waiting.pop();
    if (typeof one !== "object" || one === null || seen.has(one)) continue;
    seen.add(one);
    if (one instanceof TorchTensor) return true;
    if (one instanceof Opaque) { for (const part of one.parts) waiting.push(part); }
    else if (one instanceof Map) { for (const inner of one.values()) waiting.push(inner); }
    else if (Array.isArray(one) || one instanceof Set) { for (const inner of one) waiting.push(inner); }
  }
  return false;
}

/**
 * The error for a file whose tensors lie inside a value of an unknown name, with the line of Python that
 * saves them alone.
 */
export function refusal({ opaque, keys }: Holder, file: string): string {
  const loaded = `torch.load(${JSON.stringify(file)})${
    keys.map((key) => `[${JSON.stringify(key)}]`).join("")
  }`;
  const weights = opaque.hasItems ? `dict(${loaded})` : `${loaded}.state_dict()`;
  return `it names ${opaque.name}, which plca does not call, and the tensors lie in what that makes; ` +
    `save them alone in Python, where it can be imported: torch.save(${weights}, "weights.pth")`;
}
