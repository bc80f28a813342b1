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

const WITHIN_MS = 5000;

export async function stateOf(host: Host): Promise<State> {
  // /run has sshd's own file of process ids only; homes are where agents are installed.
  const { stdout } = await host.exec("find /tmp /var/tmp /root /home /run /dev/shm /mnt -xdev | sort");
  return {
    processes: [...await host.pids()].map(([pid, line]) => `${pid} ${line}`),
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

/** Asserts that within 5 s everything is as it was: no process, mount or file more, on neither side. */
export async function nothingIsLeft(host: Host, before: State): Promise<void> {
  let now = before;
  const isLike = async () => {
    now = await stateOf(host);
    return JSON.stringify(now) === JSON.stringify(before);
  };
  await waitUntil(isLike, { timeoutMs: WITHIN_MS, failure: "something is left" }).catch(() =>
    assert.deepEqual(now, before)
  );
}

/** Waits until a process there has a command line for which `test` holds: its number there. */
export async function processThere(host: Host, test: (line: string) => boolean): Promise<number> {
  let found: number | undefined;
  const isThere = async () => {
    found = [...await host.pids()].find(([, line]) => test(line))?.[0];
    return found !== undefined;
  };
  await waitUntil(isThere, { timeoutMs: WITHIN_MS, failure: `no such process there: ${test}` });
  return found!;
}
