import { fromText, toText } from "../bytes/mod.ts";
import { type DoctorArguments, OWN_FAILURE, type RunArguments, signalStatus, version } from "../cli/mod.ts";
import type { Config } from "../config/mod.ts";
import { describePath } from "../fileserver/mod.ts";
import { errnoName, SIGPIPE } from "../linux/mod.ts";
import { printable } from "../log/mod.ts";
import type { RunOut } from "../protocol/mod.ts";
import type { Connection } from "../rpc/mod.ts";
import {
  cacheFolder,
  type Carrier,
  carrierFor,
  describeProbe,
  DialError,
  inPath,
  type Link,
  NO_DESTINATION,
  type Obstacle,
  type Probe,
  probeChecks,
  thisExecutable,
} from "../ssh/mod.ts";
import { findCommand } from "./command.ts";
import { DoctorReport } from "./doctor_report.ts";
import { readEnvironment, variable } from "./environment.ts";
import { measureThroughput, roundTrip } from "./measure.ts";
import { connect, ended, Interrupted } from "./run_local.ts";
import { type Described, LinkLostError, prepareSession } from "./run_session.ts";

/** What is run in the end. */
const COMMAND = "true";
const checks = ["outrun", "carrier", "files", "command", "login", ...probeChecks, "agent", "link", "run"];

/**
 * Goes the way of a run, step by step, as far as it leads, and tells of each step. Returns 0 only when a command has run,
 * otherwise the status that a run would have had.
 */
export async function runDoctor(options: DoctorArguments, config: Config): Promise<number> {
  const report = new DoctorReport(checks);
  try {
    const status = await examine(options, config, report);
    const { destination, rsh } = options;
    report.close(status === 0, destination === NO_DESTINATION && rsh !== undefined ? rsh : destination);
    return status;
  } catch (error) {
    // As `outrun doctor host | head -n 1` has it.
    if (error instanceof Deno.errors.BrokenPipe) return signalStatus(SIGPIPE);
    throw error;
  }
}

/** Returns the status; what it means is in the report. */
async function examine(options: DoctorArguments, config: Config, report: DoctorReport): Promise<number> {
  try {
    const carrier = carrierFor({ ...options, timeoutMs: options.timeout * 1000 });
    const command = await examineHere(carrier, report);
    await examineThere(options, { carrier, command, config, report });
    return 0;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    if (error instanceof Interrupted) return signalStatus(error.signal);
    // What the facts say has been told.
    if (report.failures === 0) report.fail(printable(error instanceof Error ? error.message : String(error)));
    return error instanceof DialError ? error.exitStatus : OWN_FAILURE;
  }
}

/** This machine's part. */
async function examineHere(carrier: Carrier, report: DoctorReport): Promise<Described> {
  const { size } = await thisExecutable(cacheFolder());
  report.pass(`version ${version}, ${megabytes(size)} MB`);
  const [program] = carrier.argv;
  if (!await inPath(program)) throw new Error(`Cannot find "${program}" on this machine; install it`);
  report.pass(carrier.argv.join(" "));
  const root = describePath(fromText("/"));
  if (typeof root === "number") throw new Error(`Cannot look at "/": ${errnoName(-root)}`);
  report.pass("/ can be looked at");
  const environment = readEnvironment();
  const path = findCommand(fromText(COMMAND), variable(environment.env, "PATH"));
  report.pass(toText(path));
  return { ...environment, path, argv: [fromText(COMMAND)] };
}

interface There {
  readonly carrier: Carrier;
  readonly command: Described;
  readonly config: Config;
  readonly report: DoctorReport;
}

/** The other machine's part: a run of the command. */
async function examineThere(options: DoctorArguments, { carrier, command, config, report }: There): Promise<void> {
  const run: RunArguments = {
    ...options,
    ...{ kind: "run", command: [COMMAND], commandIndex: 0, notices: [] },
    ...{ cache: true, prefetch: true, syncWrites: false },
  };
  const began = performance.now();
  const onProbe = (probe: Probe, obstacles: readonly Obstacle[]) => {
    report.pass(`it answers after ${secondsSince(began)} s`);
    tellFacts(probe, { obstacles, report });
  };
  const link = await connect(run, { carrier, config, command, stderrIsTerminal: false, onProbe });
  const result = await runThere(link, { command, report }).catch(async (error) => {
    link.kill();
    const { code } = await link.status;
    if (!(error instanceof LinkLostError)) throw error;
    throw new Error(`${error.message} (${carrier.argv[0]} exited with status ${code})`);
  });
  await ended(link);
  if (result.kind !== "exited" || result.status !== 0) throw new Error(explain(result));
  report.pass(`"${COMMAND}" ran there; all of this took ${secondsSince(began)} s`);
}

function tellFacts(
  probe: Probe,
  { obstacles, report }: { obstacles: readonly Obstacle[]; report: DoctorReport },
): void {
  const descriptions = describeProbe(probe);
  for (const check of probeChecks) {
    const obstacle = obstacles.find((it) => it.check === check);
    if (obstacle === undefined) report.pass(printable(descriptions[check]));
    else report.fail(printable(obstacle.message));
  }
}

async function runThere(
  link: Link,
  { command, report }: { command: Described; report: DoctorReport },
): Promise<RunOut> {
  const began = performance.now();
  const before = async (connection: Connection) => {
    const rttMs = await roundTrip(connection);
    const sent = link.uploaded > 0 ? `${megabytes(link.uploaded)} MB were sent to install it; ` : "";
    report.pass(`${sent}it is up after ${secondsSince(began)} s`);
    const { up, down } = await measureThroughput(connection, rttMs);
    report.pass(`${rttMs.toFixed(1)} ms there and back, ${megabytes(up)} MB/s there, ${megabytes(down)} MB/s back`);
  };
  // Not ours to read: the user's next program may want it.
  const input = { read: () => Promise.resolve(null) };
  const preparing = { link: Promise.resolve(link), command, before, input };
  return await prepareSession({ ...preparing, stderrIsTerminal: false, prefetch: true, cache: true })();
}

/** What came of it, where that is no success. */
function explain(result: RunOut): string {
  switch (result.kind) {
    case "failed":
      return result.message;
    case "notExecuted":
      return `Cannot run "${COMMAND}": ${errnoName(result.errno)}`;
    case "exited":
      return `"${COMMAND}" exited with status ${result.status}; is it a program of this machine?`;
    case "signaled":
      return `"${COMMAND}" was ended by signal ${result.signal}; try again`;
  }
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(2);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
