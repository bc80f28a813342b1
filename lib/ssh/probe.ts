import { DialError } from "./dial_error.ts";

/** The facts about the other machine, in the words of the bootstrap script. */
export interface Probe {
  /** `uname -s` and `uname -m`. */
  readonly os: string;
  readonly arch: string;
  readonly uid: string;
  /** How to be root there: it is (`self`), with `sudo` or `doas` (no password), or not (`none`). */
  readonly root: string;
  /** `glibc` where there is one that will do; `other`: ours has to come along. */
  readonly libc: string;
  /** `device`: /dev/fuse is a device; `driver`: it is not, but the kernel knows fuse; `none`. */
  readonly fuse: string;
  /** Which of zstd, xz, gzip, sha256sum there are. */
  readonly tools: readonly string[];
  /** Whether {@link dir} takes the agent: `yes`; `room`: it is full; `none`: there is no such folder. */
  readonly fit: string;
  /** Free space of {@link dir} in kB; NaN when unknown. */
  readonly room: number;
  /** Where agents are kept. */
  readonly dir: string;
}

/** Reads the words behind `probe`. Words it does not know are left alone, missing ones are empty. */
export function parseProbe(words: readonly string[]): Probe {
  const facts = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const equals = words[i].indexOf("=");
    const key = words[i].slice(0, Math.max(0, equals));
    // The folder comes last: it may hold blanks.
    if (key === "dir") facts.set(key, words.slice(i).join(" ").slice(equals + 1));
    if (key === "dir") break;
    facts.set(key, words[i].slice(equals + 1));
  }
  const fact = (key: string) => facts.get(key) ?? "";
  return {
    os: fact("os"),
    arch: fact("arch"),
    uid: fact("uid"),
    root: fact("root"),
    libc: fact("libc"),
    fuse: fact("fuse"),
    tools: fact("tools").split(",").filter((tool) => tool !== ""),
    fit: fact("fit"),
    room: fact("room") === "" ? NaN : Number(fact("room")),
    dir: fact("dir"),
  };
}

/** Throws a DialError that names the first thing that keeps a machine with these facts from running the agent. */
export function judgeProbe(probe: Probe, wanted: { target: string; arch: string; size: number }): void {
  const reason = obstacle(probe, wanted.arch);
  if (reason !== undefined) throw new DialError(`Cannot use "${wanted.target}": ${reason}`);
  if (probe.fit === "yes") return;
  const megabytes = (kilobytes: number) => Math.ceil(kilobytes / 1024);
  throw new DialError(
    probe.fit === "room"
      ? `Cannot install on "${wanted.target}": ${probe.dir} has ${megabytes(probe.room)} MB free and needs ` +
        `${megabytes(wanted.size * 3 / 2048)} MB; make room there`
      : `Cannot install on "${wanted.target}": no folder there (~/.cache, /var/tmp, /tmp, /dev/shm) may be written and ` +
        `run programs from; set XDG_CACHE_HOME there to one that does`,
  );
}

function obstacle(probe: Probe, arch: string): string | undefined {
  if (probe.os !== "Linux") return `it runs ${probe.os || "an unknown system"}; choose a Linux machine`;
  if (probe.arch !== arch) {
    return `its processor is ${probe.arch}, this machine's ${arch}: no program from here runs there; ` +
      `choose a machine with ${arch}`;
  }
  if (probe.root === "none") {
    return `user ${probe.uid} is not root there, and sudo -n and doas -n do not help; ` +
      `log in as root, or allow sudo without a password`;
  }
  if (probe.fuse === "none") {
    return "there is no /dev/fuse and its kernel has no FUSE; load it (modprobe fuse), or let the container have /dev/fuse";
  }
  return undefined;
}
