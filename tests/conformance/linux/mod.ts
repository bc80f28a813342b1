import { close, Errno, libc, negative, setUmask } from "../../../lib/linux/mod.ts";
import { calls } from "../libc_calls.ts";
import type { Ended, Os } from "../os.ts";
import { dataCalls } from "./data.ts";
import { describe } from "./describe.ts";
import { extendedCalls } from "./extended.ts";
import { factCalls } from "./facts.ts";
import { nameCalls } from "./names.ts";
import { path, Process } from "./process.ts";

const decoder = new TextDecoder();

/** This process's own system calls. */
export function linuxOs(): Os {
  const process = new Process();
  const become = (uid: number, gid: number) => {
    // Only root may choose; the group first, while that is still allowed.
    if (libc().getuid() !== 0) return -Errno.EPERM;
    libc().setfsuid(0);
    libc().setfsgid(gid);
    libc().setfsuid(uid);
    return 0;
  };
  return {
    chdir(name) {
      become(0, 0);
      for (const fd of process.fds.clear()) close(fd);
      for (const { address, length } of process.mappings.clear()) calls().munmap(address, length);
      setUmask(0);
      return negative(libc().chdir(path(name)));
    },
    umask: (mask) => setUmask(mask),
    become,
    ...dataCalls(process),
    ...nameCalls(process),
    ...factCalls(process),
    ...extendedCalls(process),
    run,
    describe,
  };
}

/** As the C library's shell would, and with this process's working directory, umask and ids. */
function run(script: string): Ended {
  const { code, stdout, stderr } = new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null" }).outputSync();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
