import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { CachedDisk } from "../../../lib/prefetch/cached_disk.ts";
import { LocalDisk } from "../../../lib/prefetch/local_disk.ts";
import { planStart } from "../../../lib/prefetch/mod.ts";
import { compare, type Comparison, traceTouches } from "./touched.ts";

// Loaded once for the process: no leak of a test's.
bindNow();

const modules =
  "json,asyncio,http.server,urllib.request,xml.dom.minidom,sqlite3,email.mime.multipart,unittest.mock,ctypes," +
  "decimal,concurrent.futures,multiprocessing.pool,ssl,logging.config,argparse,tarfile,zipfile,pydoc,difflib";

const commands: string[][] = [
  ["/bin/true"],
  ["/usr/bin/ffmpeg", "-version"],
  ["/usr/bin/python3", "-c", `import ${modules}`],
  ["/usr/bin/git", "--version"],
  ["/usr/bin/perl", "-MPOSIX", "-e", "1"],
  ["/usr/bin/gcc", "hello.c"],
  ["/usr/bin/node", "-e", "1"],
  ["/usr/bin/env", "sh", "-c", "sort hello.c | cat"],
];

/** Of the paths that a program touches. The rest costs a round trip each. */
const LEAST_HITS = 0.95;

function canTrace(): boolean {
  try {
    return new Deno.Command("strace", { args: ["-qq", "-o", "/dev/null", "/bin/true"], stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

const isTraceable = canTrace();

for (const command of commands) {
  Deno.test({
    name: `planStart() knows what ${command.slice(0, 2).join(" ")} touches`,
    ignore: !isTraceable || new LocalDisk().stat(fromText(command[0])) === undefined,
    fn: () => check(command),
  });
}

function check(command: string[]): void {
  const cwd = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    Deno.writeTextFileSync(`${cwd}/hello.c`, '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n');
    const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: cwd, LANG: "C.UTF-8", TERM: "xterm" };
    const start = performance.now();
    const plan = planStart({
      path: fromText(command[0]),
      argv: command.map(fromText),
      env: Object.entries(env).map(([name, value]) => fromText(`${name}=${value}`)),
      cwd: fromText(cwd),
    }, { budgetMs: 10_000 });
    const ms = performance.now() - start;
    using local = new LocalDisk();
    const disk = new CachedDisk(local);
    const result = compare(plan, traceTouches(command, { cwd, env }), disk);
    console.log(`${command[0]}: ${describe(result, disk)}, ${ms.toFixed(0)} ms`);
    const list = result.missed.map(({ kind, path }) => `${kind} ${path}`).join("\n");
    assert.ok(hits(result) >= LEAST_HITS, `what ${command[0]} touched was not all planned:\n${list}`);
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

/** The share of touched paths that were planned. */
function hits({ touched, missed }: Comparison): number {
  return (touched - missed.length) / touched;
}

function describe(result: Comparison, disk: CachedDisk): string {
  const { touched, planned, wasted } = result;
  const share = (part: number) => `${(part * 100).toFixed(1)} %`;
  const contents = wasted.filter(({ kind }) => kind === "content");
  const bytes = contents.reduce((sum, { path }) => sum + (disk.stat(path)?.size ?? 0), 0);
  return `${share(hits(result))} of ${touched} touched paths planned, ` +
    `${share(wasted.length / planned)} of ${planned} wants wasted (${Math.ceil(bytes / 1024)} KiB)`;
}
