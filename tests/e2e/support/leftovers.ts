import assert from "node:assert/strict";
import type { Host } from "../../hosts/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";

/** What there is on a host, and of its sessions on this machine. */
export interface State {
  /** Of the host: number and command line. */
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly files: readonly string[];
  /** Of this machine: the command lines of whatever uses the host's ssh configuration. */
  readonly local: readonly string[];
}

export async function stateOf(host: Host): Promise<State> {
  // sudo keeps notes of who asked for what; and contents are kept for the next session.
  const { stdout } = await host.exec(
    "find /tmp /var/tmp /root /home /run /dev/shm /mnt -xdev ! -path '/run/sudo*' ! -path '*/outrun/cache-*' | LC_ALL=C sort",
  );
  return {
    // The listener counts its connections in its title.
    processes: [...await host.pids()].map(([pid, line]) => `${pid} ${line.replace(/ \[listener\].*/, "")}`),
    mounts: (await host.mounts()).map((mount) => `${mount.namespace} ${mount.mountPoint}`),
    files: stdout.trim().split("\n"),
    local: await localProcesses(host),
  };
}

async function localProcesses(host: Host): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(host.sshConfig)) lines.push(line.replaceAll("\0", " ").trim());
  }
  return lines;
}

/** Asserts that there comes to be nothing more than before: no process, mount or file, on neither side. */
export async function nothingIsLeft(host: Host, before: State): Promise<void> {
  let left: string[] = [];
  const isClean = async () => {
    const now = await stateOf(host);
    left = (Object.keys(now) as (keyof State)[]).flatMap((kind) =>
      now[kind].filter((it) => !before[kind].includes(it)).map((it) => `${kind}: ${it}`)
    );
    return left.length === 0;
  };
  await waitUntil(isClean, { failure: "something is left" }).catch(() => assert.deepEqual(left, []));
}

/** Waits until a process there has a command line for which `test` holds: its number there. */
export async function processThere(host: Host, test: (line: string) => boolean): Promise<number> {
  let found: number | undefined;
  const isThere = async () => {
    found = [...await host.pids()].find(([, line]) => test(line))?.[0];
    return found !== undefined;
  };
  await waitUntil(isThere, { failure: `no such process there: ${test}` });
  return found!;
}

/** Waits until process `pid` of the host waits in the kernel for the answer to a FUSE request. */
export async function waitsForFuse(host: Host, pid: number): Promise<void> {
  const isWaiting = async () => {
    const { stdout } = await host.exec(`cat /proc/${pid}/stack /proc/${pid}/wchan`);
    return /request_wait_answer|folio_wait|fuse/.test(stdout);
  };
  await waitUntil(isWaiting, { failure: `process ${pid} there does not wait for a file` });
}

/** Numbers of read(2) (`asm/unistd.h`). */
const READ = { x86_64: 0, aarch64: 63 }[Deno.build.arch];

/**
 * Waits until process `pid` of the host waits in read(2) of its stdin: a signal that comes just before that is taken late
 * by shells, which look for signals between their commands.
 */
export async function readsInput(host: Host, pid: number): Promise<void> {
  const isReading = async () => (await host.exec(`cat /proc/${pid}/syscall`)).stdout.startsWith(`${READ} 0x0 `);
  await waitUntil(isReading, { failure: `process ${pid} there does not read its stdin` });
}
