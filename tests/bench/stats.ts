import { waitFor } from "../hosts/wait.ts";
import { median } from "./measure.ts";
import type { Rig, Target } from "./rig.ts";

export const STATS = 10_000;
const ANSWER_MS = 60_000;
/** Longer than the kernel keeps what it was told of a name. */
const FORGET_MS = 1500;

/**
 * Looks at as many files as there are, for every line of stdin, and says so. The names are all different: the kernel
 * knows none of them the first time, and has to ask again about each the second time.
 */
const program = `$| = 1; print "ready\\n"; while (<STDIN>) { -e "many/$_" or die for 1..${STATS}; print "done\\n" }`;

/** For all of the stats together, in ms; CPU time as the kernel counts it, in steps of 10 ms. */
export interface Cost {
  readonly wall: number;
  readonly agent: number;
  readonly local: number;
}

/** What stats cost when nothing is known of the files, and when everything is but has to be confirmed. */
export async function measureStats(rig: Rig, target: Target, runs: number): Promise<{ first: Cost; again: Cost }> {
  const folder = `${rig.context.cwd}/many`;
  await Deno.mkdir(folder, { recursive: true });
  for (let i = 1; i <= STATS; i++) await Deno.writeTextFile(`${folder}/${i}`, "");
  const results = [];
  for (let run = 0; run < runs; run++) results.push(await measureOnce(rig, target));
  return { first: medians(results.map(({ first }) => first)), again: medians(results.map(({ again }) => again)) };
}

async function measureOnce(rig: Rig, target: Target): Promise<{ first: Cost; again: Cost }> {
  const [outrun, ...args] = [...target.outrun, "perl", "-e", program];
  const child = new Deno.Command(outrun, { ...rig.context, args, stdin: "piped", stdout: "piped" }).spawn();
  try {
    const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const orders = child.stdin.getWriter();
    const answer = () => waitFor(answers.read(), { timeoutMs: ANSWER_MS, failure: "Cannot measure stats: no answer" });
    await answer();
    const agent = await findAgent(rig);
    const measureRound = async (): Promise<Cost> => {
      const [start, agentBefore, localBefore] = [performance.now(), cpuTime(agent), cpuTime(`/proc/${child.pid}`)];
      await orders.write(new TextEncoder().encode("go\n"));
      if ((await answer()).value !== "done\n") throw new Error("Cannot measure stats: the program failed");
      const wall = performance.now() - start;
      return { wall, agent: cpuTime(agent) - agentBefore, local: cpuTime(`/proc/${child.pid}`) - localBefore };
    };
    const first = await measureRound();
    await new Promise((resolve) => setTimeout(resolve, FORGET_MS));
    const again = await measureRound();
    await orders.close();
    return { first, again };
  } finally {
    await child.stdin.close().catch(() => {});
    await child.status;
  }
}

/** The agent's folder in the host's /proc, seen from here. */
async function findAgent({ host }: Rig): Promise<string> {
  const [pid] = [...await host.pids()].find(([, line]) => /\/agent-[0-9a-f]{64} agent /.test(line)) ?? [];
  if (pid === undefined) throw new Error(`Cannot measure stats: no agent is running on ${host.alias}`);
  return `/proc/${host.facts.initPid}/root/proc/${pid}`;
}

/** A process's CPU time so far in ms: utime and stime of proc_pid_stat(5), in 1/100 s. */
function cpuTime(proc: string): number {
  const fields = Deno.readTextFileSync(`${proc}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function medians(costs: Cost[]): Cost {
  const of = (key: keyof Cost) => median(costs.map((cost) => cost[key]));
  return { wall: of("wall"), agent: of("agent"), local: of("local") };
}
