/** Large files through outrun, against the same bytes through plain ssh. */
import { alternate, run, Series, type Time } from "./measure.ts";
import type { Rig, Target } from "./rig.ts";
import { decimals, ratio, seconds, table } from "./table.ts";

const BYTES = 500_000_000;
const program = new URL("./transfer.pl", import.meta.url).pathname;

/** Moves the bytes one way; what each command prints is the time of the transfer itself, in ms. */
interface Way {
  readonly title: string;
  readonly outrun: (outrun: readonly string[]) => string[];
  /** `remote`: the program, as words for a shell over there. */
  readonly ssh: (ssh: readonly string[], remote: string) => string[];
}

const ways: readonly Way[] = [
  {
    title: "read",
    outrun: (outrun) => [...outrun, "perl", program, "read", "large"],
    ssh: (ssh, remote) => ["sh", "-c", `cat large | "$@"`, "sh", ...ssh, `${remote} receive /dev/null`],
  },
  {
    title: "write",
    outrun: (outrun) => [...outrun, "perl", program, "write", "there", String(BYTES)],
    ssh: (ssh, remote) => [
      ...["sh", "-c", `"$@" | perl "$0" receive plain`, program],
      ...[...ssh, `${remote} send ${BYTES}`],
    ],
  },
];

const heads = ["500 MB", "RTT, ms", "ssh, MB/s", "outrun, MB/s", "outrun / ssh", "ssh in all, s", "outrun in all, s"];

export interface ThroughputOptions {
  readonly runs: number;
  readonly limitMs: number;
  readonly onRun: (what: string) => void;
}

/** A table: for each direction and distance the rates of the transfer itself, and the times with the login. */
export async function measureThroughput(rig: Rig, targets: readonly Target[], options: ThroughputOptions) {
  const context = { ...rig.context, limitMs: options.limitMs };
  await demand(["sh", "-c", `head -c ${BYTES} /dev/urandom >large`], context);
  const remote = `perl -e '${await Deno.readTextFile(program)}'`;
  const rows: string[][] = [];
  for (const target of targets) {
    await demand([...target.outrun, "true"], context);
    for (const way of ways) rows.push([way.title, String(target.rttMs), ...await measureWay(way, target)]);
  }
  return table(heads, rows);

  async function measureWay(way: Way, target: Target): Promise<string[]> {
    const inside = { ssh: new Series(), outrun: new Series() };
    const variant = (name: "ssh" | "outrun", command: string[]) => async (): Promise<Time> => {
      const result = await run(command, context);
      if (typeof result === "string") return result;
      inside[name].add(Number(result.said));
      return result.ms;
    };
    const whole = await alternate({
      ssh: variant("ssh", way.ssh(target.ssh, remote)),
      outrun: variant("outrun", way.outrun(target.outrun)),
    }, {
      ...options,
      onRun: (count, name) =>
        options.onRun(`${way.title}, RTT ${target.rttMs} ms: ${name}, ${count} of ${options.runs}`),
    });
    return cells(inside, whole);
  }
}

function cells(inside: Record<"ssh" | "outrun", Series>, whole: Record<"ssh" | "outrun", Series>): string[] {
  const failure = whole.ssh.failure ?? whole.outrun.failure;
  const [ssh, outrun] = [inside.ssh.median, inside.outrun.median];
  if (failure !== undefined || ssh === undefined || outrun === undefined) return [failure ?? "", "", "", "", ""];
  const rate = (ms: number) => decimals(BYTES / 1000 / ms, { small: 2 });
  return [rate(ssh), rate(outrun), ratio(ssh / outrun), seconds(whole.ssh.median!), seconds(whole.outrun.median!)];
}

async function demand(command: readonly string[], context: Parameters<typeof run>[1]): Promise<void> {
  const result = await run(command, context);
  if (typeof result === "string") throw new Error(`Cannot run "${command.join(" ")}": ${result}`);
}
