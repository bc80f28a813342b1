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
  "perl, POSIX": ["perl", "-MPOSIX", "-e", "1"],
};

/** What a start can find: nothing over there; the trace of an earlier run, but nothing over there; all of it. */
export type StartState = "cold" | "traced" | "warm";

/** What measuring a start gives. */
export interface StartTimes extends Record<"local" | "ssh" | StartState, Series> {
  /** The same files through `tar | lz4 | ssh`, where they are libraries. */
  readonly tar?: Series;
  /** Requests of the kernel that waited for half a round trip or longer, warm; undefined without a distance. */
  readonly waits?: number;
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
  const variants: Record<string, () => Promise<number | string>> = {
    local: () => time([...command], context),
    ssh: () => time([...target.ssh, "true"], context),
    cold: async () => {
      await rig.forget({ contents: true, traces: true });
      return await run();
    },
    traced: async () => {
      await rig.forget({ contents: true, traces: false });
      return await run();
    },
    warm: run,
  };
  if (files.length > 100) {
    await Deno.writeTextFile(`${rig.context.cwd}/files`, files.join("\n"));
    const script = `tar cPh -T files | lz4 -q | "$@"`;
    variants.tar = () => time(["sh", "-c", script, "sh", ...target.ssh, "cat >/dev/null"], context);
  }
  const times = await alternate(variants, options);
  return {
    ...times,
    waits: await countWaits([...target.outrun, ...command], { rig, target }),
  } as unknown as StartTimes;
}

/** The libraries of a program, as ldd(1) says. */
async function closure(program: string): Promise<string[]> {
  const script = 'p=$(command -v "$1") && echo "$p" && ldd "$p" 2>/dev/null | sed -n "s,.*=> \\(/[^ ]*\\).*,\\1,p"';
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, "sh", program] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

/** How many requests of the kernel wait for half a round trip or longer in one run; undefined without a distance. */
export async function countWaits(
  command: readonly string[],
  { rig, target, context = rig.context }: {
    rig: Rig;
    target: Target;
    context?: { cwd: string; env: Record<string, string> };
  },
): Promise<number | undefined> {
  if (target.rttMs === 0) return undefined;
  const [outrun, ...args] = command;
  const { stderr } = await new Deno.Command(outrun, { ...context, args: ["--debug", ...args], stdin: "null" }).output();
  const [, line = ""] = /requests of the kernel that waited: (.*)/.exec(new TextDecoder().decode(stderr)) ?? [];
  let waits = 0;
  for (const [, count, ms] of line.matchAll(/(\d+) of (\d+) ms/g)) {
    if (Number(ms) >= target.rttMs / 2) waits += Number(count);
  }
  return waits;
}
