import { type BackendReport, inspectBackends } from "../backends/select.ts";
import { gibibytes, messageOf } from "../core/words.ts";
import { openLibrary } from "../processes/mod.ts";
import type { Host } from "./host.ts";
import { VERSIONS } from "./versions.ts";

/**
 * Runs `plca doctor`: prints versions, the machine, which backends can be used (and why one cannot) and which
 * MPI is there. @returns the exit status: 0, or 2 when there is no backend
 */
export async function doctorCommand(host: Host): Promise<number> {
  const { machine } = host;
  const reports = await inspectBackends();
  const lines = [
    `plca ${VERSIONS.plca}, ${machine.runtime}, ${machine.system}`,
    `TensorFlow.js ${VERSIONS.tfjs}, ONNX Runtime ${VERSIONS.onnxruntime}`,
    `cores   ${machine.cores}`,
    `memory  ${gibibytes(machine.memory.total)}, ${gibibytes(machine.memory.free)} free${
      machine.memory.limited ? ", in a container" : ""
    }`,
    "backends",
    ...reports.map(backendLine),
    processesLine(host),
  ];
  host.stdout.write(`${lines.join("\n")}\n`);
  return reports.some((report) => report.available) ? 0 : 2;
}

/** The line on MPI: its library, or why there is none, and whether a launcher started this process. */
export function processesLine({ env, job }: Pick<Host, "env" | "job">): string {
  const started = job
    ? `; a launcher started ${job.launch.size ?? "several"} processes`
    : "; no launcher started this process";
  try {
    const { name, abi, version } = openLibrary(env("PLCA_MPI"));
    return `MPI     ${version} (${name}, by ${abi.name})${started}`;
  } catch (error) {
    return `MPI     ${messageOf(error)}${job ? started : ""}`;
  }
}

/** The line on a backend, in columns: its name, whether it can be used, and details. */
export function backendLine({ name, available, software, detail }: BackendReport): string {
  const state = !available ? "missing" : software ? "software only" : "found";
  return `  ${name.padEnd(10)} ${state.padEnd(13)}  ${detail}`;
}
