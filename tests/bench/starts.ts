import { alternate, type Series, time } from "./measure.ts";
import type { Rig, Target } from "./rig.ts";
import type { Measuring } from "./sessions.ts";

/** Modules of Python's library, to be imported by one program. */
const modules = "json,asyncio,http.server,urllib.request,xml.dom.minidom,sqlite3,email.mime.multipart,unittest.mock," +
  "ctypes,decimal,concurrent.futures,multiprocessing.pool,ssl,logging.config,argparse,tarfile,zipfile,pydoc,difflib";

/** Programs that do little but start, by the names that the tables give them. */
export const starts: Record<string, readonly string[]> = {
  "`true`": ["true"],
  "`ffmpeg -version`": ["ffmpeg", "-version"],
  "python, 24 imports": ["python3", "-c", `import ${modules}`],
  "`git --version`": ["git", "--version"],
  "gcc, hello world": ["gcc", "-o", "hello", "hello.c"],
  "`node -e 1`": ["node", "-e", "1"],
  "`java -version`": ["java", "-version"],
  "`sh -c`, ffmpeg": ["sh", "-c", "exec $(command -v ffmpeg) -version"],
  "perl, POSIX": ["perl", "-MPOSIX", "-e", "1"],
};

/** What a start can find: nothing over there; the trace of an earlier run, but nothing over there; all of it. */
export type StartState = "cold" | "traced" | "warm";

const states: readonly StartState[] = ["cold", "traced", "warm"];

/** What one start cost apart from time. */
export interface StartCosts {
  /** Requests of the kernel that waited for half a round trip or longer; undefined without a distance. */
  readonly waits: number | undefined;
  /** Requests of the agent, most of which nobody waits for. */
  readonly requests: number;
  /** That went to the other machine, and came from there. */
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** What measuring a start gives. */
export interface StartTimes extends Record<"local" | "ssh" | StartState, Series> {
  /** The same files through `tar | lz4 | ssh`, where they are libraries. */
  readonly tar?: Series;
  /** Of one run in each state; undefined for one that failed. */
  readonly costs: Readonly<Record<StartState, StartCosts | undefined>>;
}

/** Runs a program in turns here, with plain ssh (`true`), and through outrun in each state. */
export async function measureStart(
  command: readonly string[],
  { rig, target, ...options }: Measuring,
): Promise<StartTimes> {
  const context = { ...rig.context, limitMs: options.limitMs };
  await Deno.writeTextFile(`${rig.context.cwd}/hello.c`, '#include <stdio.h>\nint main() { puts("hello"); }\n');
  await time([...target.outrun, "true"], context);
  const run = () => time([...target.outrun, ...command], context);
  const files = await closure(command[0]);
  const prepare: Record<StartState, () => Promise<void>> = {
    cold: () => rig.forget({ contents: true, traces: true }),
    traced: () => rig.forget({ contents: true, traces: false }),
    warm: async () => {},
  };
  const variants: Record<string, () => Promise<number | string>> = {
    local: () => time([...command], context),
    ssh: () => time([...target.ssh, "true"], context),
  };
  for (const state of states) {
    variants[state] = async () => {
      await prepare[state]();
      return await run();
    };
  }
  if (files.length > 100) {
    await Deno.writeTextFile(`${rig.context.cwd}/files`, files.join("\n"));
    const script = `tar cPh -T files | lz4 -q | "$@"`;
    variants.tar = () => time(["sh", "-c", script, "sh", ...target.ssh, "cat >/dev/null"], context);
  }
  const times = await alternate(variants, options);
  const costs: Partial<Record<StartState, StartCosts>> = {};
  for (const state of states) {
    await prepare[state]();
    costs[state] = await countCosts([...target.outrun, ...command], { rig, target });
  }
  return { ...times, costs } as unknown as StartTimes;
}

/** The libraries of a program, as ldd(1) says. */
async function closure(program: string): Promise<string[]> {
  const script = 'p=$(command -v "$1") && echo "$p" && ldd "$p" 2>/dev/null | sed -n "s,.*=> \\(/[^ ]*\\).*,\\1,p"';
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, "sh", program] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

/** By what outrun says of itself. */
async function countCosts(
  [outrun, ...args]: string[],
  { rig, target }: { rig: Rig; target: Target },
): Promise<StartCosts | undefined> {
  const { code, stderr } = await new Deno.Command(outrun, { ...rig.context, args: ["--debug", ...args], stdin: "null" })
    .output();
  return code === 0 ? readCosts(new TextDecoder().decode(stderr), target.rttMs) : undefined;
}

/** The costs in what outrun says with --debug. */
export function readCosts(said: string, rttMs: number): StartCosts {
  const [, waited = ""] = /requests of the kernel that waited: (.*)/.exec(said) ?? [];
  const [, requests = "", link = "{}"] = /requests: ([^;]*); link: (\{.*\})/.exec(said) ?? [];
  const { bytesOut = 0, bytesIn = 0 } = JSON.parse(link);
  const sum = (matches: Iterable<RegExpMatchArray>) => [...matches].reduce((sum, [, count]) => sum + Number(count), 0);
  const longWaits = [...waited.matchAll(/(\d+) of (\d+) ms/g)].filter(([, , ms]) => Number(ms) >= rttMs / 2);
  return {
    waits: rttMs > 0 ? sum(longWaits) : undefined,
    requests: sum(requests.matchAll(/\w+ (\d+)/g)),
    bytes: { sent: bytesOut, received: bytesIn },
  };
}
