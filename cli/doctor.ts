import { type BackendReport, inspectBackends } from "../backends/select.ts";
import { gibibytes, messageOf } from "../core/words.ts";
import { openLibrary } from "../processes/mod.ts";
import type { Host } from "./host.ts";
import { VERSIONS } from "./versions.ts";

/** `plca doctor`: returns the exit status. */
export async function doctorCommand(host: Host): Promise<number> {
  const { machine } = host;
  const reports = await inspectBackends();
  const lines = [
    `plca ${VERSIONS.plca}, ${machine.runtime}, ${machine.system}`,
    `TensorFlow.js ${VERSIONS.tfjs}, ONNX Runtime ${VERSIONS.onnxruntime}`,
    `cores   ${machine.cores}`,
    `memory  ${gibibytes(machine.memory.total)}, ${gibibytes(machine.memory.free)} free`,
    "backends",
    ...reports.map(backendLine),
    processesLine(host),
  ];
  host.stdout.write(`${lines.join("\n")}\n`);
  return reports.some((report) => report.available) ? 0 : 2;
}

/** What there is for several processes. */
function processesLine({ env, job }: Host): string {
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

/** Name, whether it is there, detail, in columns. */
export function backendLine({ name, available, software, detail }: BackendReport): string {
  const state = !available ? "missing" : software ? "software only" : "found";
  return `  ${name.padEnd(10)} ${state.padEnd(13)}  ${detail}`;
}
