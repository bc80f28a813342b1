import { DialError } from "./dial_error.ts";

/** The facts about the other machine, in the words of the bootstrap script. */
export interface Probe {
  /** `uname -s` and `uname -m`. */
  readonly os: string;
  readonly arch: string;
  readonly uid: string;
  /** How the agent gets its rights: see ways_script.ts; `none`: it does not. */
  readonly root: string;
  /** `glibc` where there is one that will do; `other`: ours has to come along. */
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
  /** Which of zstd, xz, gzip, sha256sum, sudo there are. */
  readonly tools: readonly string[];
  /** Whether the agent is installed, in {@link dir}. */
  readonly present: boolean;
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
    present: fact("present") !== "",
    fit: fact("fit"),
    room: fact("room") === "" ? NaN : Number(fact("room")),
    dir: fact("dir"),
  };
}

/** Words with a comma before each. */
function list(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/** The sides of a machine that the facts tell of. */
export const probeChecks = ["system", "loader", "way in", "FUSE", "folder"] as const;

/** What keeps a machine from running the agent: one line for the user, with what to do. */
export interface Obstacle {
  readonly check: (typeof probeChecks)[number];
  readonly message: string;
}

interface Wanted {
  readonly target: string;
  readonly arch: string;
  readonly size: number;
}

/** Throws a DialError that names the first thing that keeps a machine with these facts from running the agent. */
export function judgeProbe(probe: Probe, wanted: Wanted): void {
  for (const { message } of obstacles(probe, wanted)) throw new DialError(message);
}

/** Everything that keeps a machine with these facts from running the agent, in the order in which it is told. */
export function* obstacles(probe: Probe, wanted: Wanted): Generator<Obstacle> {
  for (const [check, reason] of reasons(probe, wanted.arch)) {
    yield { check, message: `Cannot use "${wanted.target}": ${reason}` };
  }
  if (probe.fit === "yes") return;
  const megabytes = (kilobytes: number) => Math.ceil(kilobytes / 1024);
  yield {
    check: "folder",
    message: probe.fit === "room"
      ? `Cannot install on "${wanted.target}": ${probe.dir} has ${megabytes(probe.room)} MB free and needs ` +
        `${megabytes(wanted.size * 3 / 2048)} MB; make room there`
      : `Cannot install on "${wanted.target}": no folder there (~/.cache, /var/tmp, /tmp, /dev/shm) may be written and ` +
        `run programs from; set XDG_CACHE_HOME there to one that does`,
  };
}

function* reasons(probe: Probe, arch: string): Generator<[Obstacle["check"], string]> {
  if (probe.os !== "Linux") {
    yield ["system", `it runs ${probe.os || "an unknown system"}; choose a Linux machine`];
  } else if (probe.arch !== arch) {
    yield [
      "system",
      `its processor is ${probe.arch}, this machine's ${arch}: no program from here runs there; ` +
      `choose a machine with ${arch}`,
    ];
  }
  if (probe.root === "none") yield ["way in", noRights(probe)];
  if (probe.fuse === "none") {
    yield [
      "FUSE",
      "there is no /dev/fuse and its kernel has no FUSE; load it (modprobe fuse), or start the container with " +
      "--device /dev/fuse --cap-add SYS_ADMIN",
    ];
  }
}

const waysIn: Record<string, string> = {
  self: "a login as root",
  sudo: "root by sudo -n",
  doas: "root by doas -n",
  asked: "root by sudo, with a password",
  many: "without root, in a user namespace with a range of ids",
  one: "without root, in a user namespace with one id",
  fake: "without root, in a user namespace that takes the user for root",
};

/** What is going to be used of a machine without obstacles, for people, by the side that it is of. */
export function describeProbe(probe: Probe): Record<Obstacle["check"], string> {
  const room = Number.isNaN(probe.room) ? "" : `, ${Math.round(probe.room / 1024)} MB free`;
  return {
    system: `${probe.os} on ${probe.arch}`,
    loader: probe.libc === "glibc" ? "its own, of glibc" : "this machine's, sent along",
    "way in": waysIn[probe.root] ?? probe.root,
    FUSE: describeFuse(probe.fuse),
    folder: probe.present ? `${probe.dir}, where this outrun is installed` : `${probe.dir}${room}`,
  };
}

function describeFuse(fuse: string): string {
  if (fuse === "device") return "/dev/fuse";
  return fuse.startsWith("closed:")
    ? "/dev/fuse, but not for this user"
    : "the kernel has it, though there is no /dev/fuse";
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
interface Lack {
  readonly why: string;
  readonly fix: string;
}

function fuseObstacle({ fuse }: Probe): Lack | undefined {
  const [kind, mode, uid, gid] = fuse.split(":");
  if (kind === "closed") {
    return { why: `/dev/fuse (${mode}, owner ${uid}:${gid}) must be open to this user`, fix: "chmod 666 /dev/fuse" };
  }
  if (kind === "device") return undefined;
  return {
    why: "there must be a /dev/fuse",
    fix: "load it (modprobe fuse; of a container: start it with --device /dev/fuse --cap-add SYS_ADMIN)",
  };
}

function namespaceObstacles({ bars, said, fuse }: Probe): Lack[] {
  const known = bars.map(barObstacle);
  // Where the device was closed, nothing else was tried.
  if (known.length > 0 || fuse !== "device") return known;
  return [{
    why: `user namespaces must be permitted ("${said || "no answer"}")`,
    fix: "permit them (a container or a service manager may forbid them by seccomp, a chroot always does)",
  }];
}

function barObstacle(bar: string): Lack {
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
