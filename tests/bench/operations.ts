/** Operations on names and small files through outrun, against bindfs: a local FUSE file system in C. */
import { median, run } from "./measure.ts";
import type { Rig, Target } from "./rig.ts";
import { ratio, table } from "./table.ts";

const program = new URL("./operations.pl", import.meta.url).pathname;
const WORKERS = [1, 4];

/** In namespaces of its own, which end with it: mounted at $2, $1 is worked on by $4 processes. */
const BINDFS = 'bindfs "$1" "$2" && perl "$3" "$2" "$4"; status=$?; umount "$2"; exit $status';

/** Makes what operations.pl works on, in the current folder. */
const FILES = `
  for my $folder (qw(names small new tree), map { "tree/$_" } 0 .. 99) { mkdir $folder or die "$folder: $!" }
  sub make { open my $file, ">", $_[0] or die "$_[0]: $!"; print $file $_[1]; close $file or die "$_[0]: $!" }
  make("names/$_", "") for 0 .. 9999;
  make("small/$_", "x" x 1000) for 0 .. 4999;
  for my $folder (0 .. 99) { make("tree/$folder/$_", "") for 0 .. 99 }
`;

const titles: Record<string, string> = {
  stat: "stat of names not known yet",
  read: "open, read and close of 1000 bytes",
  create: "create and close",
  rename: "rename",
  unlink: "unlink",
  mkdir: "mkdir",
  rmdir: "rmdir",
  walk: "list 100 names and stat each",
};

export interface OperationsOptions {
  readonly runs: number;
  readonly limitMs: number;
  readonly onRun: (what: string) => void;
}

/** A table: operations a second, medians of runs in turns. */
export async function measureOperations(rig: Rig, target: Target, options: OperationsOptions): Promise<string> {
  const folder = `${rig.context.cwd}/operations`;
  const mounted = `${rig.context.cwd}/bindfs`;
  for (const path of [folder, mounted]) await Deno.mkdir(path);
  const context = { ...rig.context, limitMs: options.limitMs };
  await demand(["perl", "-e", FILES], { ...context, cwd: folder });
  await demand([...target.outrun, "true"], context);
  const rows: string[][] = [];
  for (const workers of WORKERS) {
    const unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--kill-child"];
    const variants = {
      bindfs: [...unshare, "sh", "-c", BINDFS, "sh", folder, mounted, program, String(workers)],
      outrun: [...target.outrun, "perl", program, folder, String(workers)],
    };
    const rates = { bindfs: new Rates(), outrun: new Rates() };
    for (let count = 1; count <= options.runs; count++) {
      for (const name of ["bindfs", "outrun"] as const) {
        options.onRun(`operations, ${workers} at a time: ${name}, ${count} of ${options.runs}`);
        rates[name].add(await demand(variants[name], context));
      }
    }
    for (const [name, title] of Object.entries(titles)) {
      const [bindfs, outrun] = [rates.bindfs.median(name), rates.outrun.median(name)];
      rows.push([title, String(workers), bindfs.toFixed(0), outrun.toFixed(0), ratio(outrun / bindfs)]);
    }
  }
  return table([`RTT ${target.rttMs} ms`, "processes", "bindfs, 1/s", "outrun, 1/s", "outrun / bindfs"], rows);
}

/** Operations a second, by their names. */
class Rates {
  readonly #rates = new Map<string, number[]>();

  /** Takes what operations.pl says. */
  add(said: string): void {
    for (const line of said.split("\n")) {
      const [name, count, ms] = line.split(" ");
      const rates = this.#rates.get(name) ?? [];
      rates.push(Number(count) / Number(ms) * 1000);
      this.#rates.set(name, rates);
    }
  }

  median(name: string): number {
    return median(this.#rates.get(name) ?? []);
  }
}

async function demand(command: readonly string[], context: Parameters<typeof run>[1]): Promise<string> {
  const result = await run(command, context);
  if (typeof result === "string") throw new Error(`Cannot run "${command.join(" ")}": ${result}`);
  return result.said;
}
