import { DialError } from "./dial_error.ts";

/** The facts about the other machine, in the words of the bootstrap script. */
export interface Probe {
  /** `uname -s` and `uname -m`. */
  readonly os: string;
  readonly arch: string;
  readonly uid: string;
  /** How the agent gets its rights: see ways_script.ts; `none`: it does not. */
  readonly root: string;
  /** `glibc`, or `other` where its loader is missing. */
  readonly libc: string;
  /**
   * `device`: /dev/fuse is a device; `driver`: it is not, but the kernel knows fuse; `closed:MODE:UID:GID`: this user may
   * not open it; `none`.
   */
  readonly fuse: string;
  /** What keeps this user from user namespaces: switches as `kernel/name=value`, or `kernel`, or `tools`. */
  readonly bars: readonly string[];
  /** What the attempt to make one was answered. */
  readonly said: string;
  /** Which of zstd, gzip, sha256sum, sudo there are. */
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
    tools: list(fact("tools")),
    bars: list(fact("bars")),
    said: fact("said").replaceAll("_", " "),
    fit: fact("fit"),
    room: fact("room") === "" ? NaN : Number(fact("room")),
    dir: fact("dir"),
  };
}

/** Words with a comma before each. */
function list(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
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
  if (probe.libc !== "glibc") return "it has no glibc (musl?), which outrun needs; choose another machine";
  if (probe.root === "none") return noRights(probe);
  if (probe.fuse === "none") {
    return "there is no /dev/fuse and its kernel has no FUSE; load it (modprobe fuse), or let the container have /dev/fuse";
  }
  return undefined;
}

/** Why neither root nor a login without it will do, and what would. */
function noRights(probe: Probe): string {
  const all = [fuseObstacle(probe), ...namespaceObstacles(probe)].filter((it) => it !== undefined);
  const whys = all.map(({ why }) => why).join(", and ");
  const fixes = all.map(({ fix }) => fix).join(" and ");
  const sudo = probe.tools.includes("sudo") ? "; or give --sudo, for sudo with a password" : "";
  return `user ${probe.uid} is not root there, sudo -n and doas -n do not help, and without root ${whys}; ` +
    `have an administrator ${fixes}${sudo}`;
}

/** Completes "without root" and "have an administrator". */
interface Obstacle {
  readonly why: string;
  readonly fix: string;
}

function fuseObstacle({ fuse }: Probe): Obstacle | undefined {
  const [kind, mode, uid, gid] = fuse.split(":");
  if (kind === "closed") {
    return { why: `/dev/fuse (${mode}, owner ${uid}:${gid}) must be open to this user`, fix: "chmod 666 /dev/fuse" };
  }
  if (kind === "device") return undefined;
  return {
    why: "there must be a /dev/fuse",
    fix: "load it (modprobe fuse; of a container: start it with --device /dev/fuse)",
  };
}

function namespaceObstacles({ bars, said, fuse }: Probe): Obstacle[] {
  const known = bars.map(barObstacle);
  // Where the device was closed, nothing else was tried.
  if (known.length > 0 || fuse !== "device") return known;
  return [{
    why: `user namespaces must be permitted ("${said || "no answer"}")`,
    fix: "permit them (a container or a service manager may forbid them by seccomp, a chroot always does)",
  }];
}

function barObstacle(bar: string): Obstacle {
  if (bar === "kernel") return { why: "its kernel must have user namespaces", fix: "boot another, or log in as root" };
  if (bar === "tools") return { why: "it must have unshare or perl", fix: "install util-linux" };
  const [key, value] = bar.split("=");
  const name = key.replaceAll("/", ".");
  const what = name.includes("apparmor")
    ? "AppArmor must let users make user namespaces"
    : "namespaces must be allowed";
  const wanted = name.startsWith("user.") ? "10000" : value === "0" ? "1" : "0";
  return { why: `${what} (${name} is ${value})`, fix: `sysctl ${name}=${wanted}` };
}
