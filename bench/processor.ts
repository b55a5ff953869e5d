/** The name of this machine's processor. */

/** Of instructions on vectors, the widest first. */
const VECTORS = [["avx512f", "AVX-512"], ["avx2", "AVX2"]] as const;

/**
 * The processor's name and its widest vectors, as in `Intel(R) Xeon(R) Processor, AVX-512`; where the system
 * tells none, its architecture. Needs `run`: Deno reads nothing of /proc unless it may do everything.
 */
export async function processorName(): Promise<string> {
  if (Deno.build.os === "darwin") {
    return await outputOf("sysctl", ["-n", "machdep.cpu.brand_string"]) || Deno.build.arch;
  }
  return processorOf(await outputOf("cat", ["/proc/cpuinfo"])) ?? Deno.build.arch;
}

/** {@linkcode processorName} of what /proc/cpuinfo says; undefined if that is no name. */
export function processorOf(information: string): string | undefined {
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(information)?.[1]?.trim();
  const name = field("model name");
  if (!name) return undefined;
  const flags = field("flags")?.split(/\s+/) ?? [];
  const vectors = VECTORS.find(([flag]) => flags.includes(flag))?.[1];
  return vectors === undefined ? name : `${name}, ${vectors}`;
}

/** What a program prints on stdout; nothing where it cannot be started. */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(program, { args: [...args], stderr: "null" }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "";
  }
}
