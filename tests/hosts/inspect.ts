/**
 * Looks into a host from outside, through the /proc that is mounted there: it shows the processes of the host's pid
 * namespace and of those nested in it, and no process has to be started for it.
 */

/** A line of mountinfo, proc_pid_mountinfo(5). */
export interface FuseMount {
  /** `mnt:[4026532…]` */
  readonly namespace: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

function procOf(initPid: number): string {
  return `/proc/${initPid}/root/proc`;
}

/** `undefined` where the process ended in between. */
async function ifAlive<T>(reading: Promise<T>): Promise<T | undefined> {
  return await reading.catch(() => undefined);
}

async function listPids(proc: string): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir(proc)) {
    if (/^\d+$/.test(name)) pids.push(Number(name));
  }
  return pids.sort((a, b) => a - b);
}

/** Number → command line, its arguments joined by blanks; `[name]` for a zombie, which has none. */
export async function inspectProcesses(initPid: number): Promise<Map<number, string>> {
  const proc = procOf(initPid);
  const found = new Map<number, string>();
  for (const pid of await listPids(proc)) {
    const commandLine = await ifAlive(Deno.readTextFile(`${proc}/${pid}/cmdline`));
    const name = await ifAlive(Deno.readTextFile(`${proc}/${pid}/comm`));
    if (name === undefined) continue;
    found.set(pid, commandLine?.replaceAll("\0", " ").trim() || `[${name.trim()}]`);
  }
  return found;
}

/** One mountinfo line → its FUSE mount, `undefined` for any other file system. */
function parseFuseMount(namespace: string, line: string): FuseMount | undefined {
  const [before, after] = line.split(" - ");
  const [type, source] = after?.split(" ") ?? [];
  if (type !== "fuse" && type !== "fuseblk" && !type?.startsWith("fuse.")) return undefined;
  return { namespace, mountPoint: before.split(" ")[4], type, source };
}

/** The FUSE mounts in every mount namespace that a process of the host is in. */
export async function inspectMounts(initPid: number): Promise<FuseMount[]> {
  const proc = procOf(initPid);
  const tables = new Map<string, string>();
  for (const pid of await listPids(proc)) {
    const namespace = await ifAlive(Deno.readLink(`${proc}/${pid}/ns/mnt`));
    if (namespace === undefined || tables.has(namespace)) continue;
    const table = await ifAlive(Deno.readTextFile(`${proc}/${pid}/mountinfo`));
    if (table !== undefined) tables.set(namespace, table);
  }
  return [...tables].flatMap(([namespace, table]) =>
    table.split("\n").map((line) => parseFuseMount(namespace, line)).filter((it) => it !== undefined)
  );
}
