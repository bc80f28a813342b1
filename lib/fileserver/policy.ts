import { type ByteString, fromText, toText } from "../bytes/mod.ts";
import { statFs } from "../linux/mod.ts";
import type { Logger } from "../log/mod.ts";
import { ROOT_DIRECTORY } from "../protocol/mod.ts";

/**
 * Trees that the command gets from the machine it runs on. The names themselves can be seen (they are mount points over
 * there), but not entered, opened or changed.
 */
export const remoteTrees: readonly ByteString[] = ["dev", "proc", "run", "sys"].map(fromText);

/**
 * File systems whose files are the kernel's own switches (`linux/magic.h`): a write to /proc/self/mem or to
 * binfmt_misc's register runs code on this machine, and their links lead out of the exported tree. They may be mounted
 * anywhere, in a chroot for example, so they are told by what they are, not by their names.
 */
const kernelFileSystems: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x9fa2, // usbdevfs
  0x1cd1, // devpts
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x7655821, // resctrl
  0x62656572, // sysfs
  0x62656570, // configfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0x5a3c69f0, // apparmorfs
  0xcafe4a11, // bpf
  0xde5e81e4, // efivarfs
  0x6165676c, // pstore
  0x42494e4d, // binfmt_misc
  0x6e736673, // nsfs
  0x65735543, // fusectl
  0x6c6f6f70, // binder
  0x19800202, // mqueue
  0xabba1974, // xenfs
  0x67596969, // rpc_pipefs
  0x6e667364, // nfsd
]);

/**
 * What the agent may reach. Refusals are EACCES, not ENOENT: the names do exist and show up in listings, and a program
 * that creates what is missing would be misled.
 */
export class Policy {
  readonly #log: Pick<Logger, "debug">;

  constructor(log: Pick<Logger, "debug">) {
    this.#log = log;
  }

  /** Whether `name` in the directory numbered `dir` may be seen but not used. */
  refusesName(dir: number, name: ByteString): boolean {
    if (dir !== ROOT_DIRECTORY || !remoteTrees.includes(name)) return false;
    this.#log.debug(`file server: refused "/${toText(name)}": it belongs to the remote machine`);
    return true;
  }

  /** Whether the file behind `fd` (O_PATH will do) is on a file system that is kept from the agent. */
  refusesFileSystem(fd: number): boolean {
    const found = statFs(fd);
    // What cannot be told is refused.
    if (typeof found !== "number" && !kernelFileSystems.has(found.type >>> 0)) return false;
    const type = typeof found === "number" ? `errno ${-found}` : `type 0x${(found.type >>> 0).toString(16)}`;
    this.#log.debug(`file server: refused a file of the kernel's: file system ${type}`);
    return true;
  }
}
