import { DialError } from "./dial_error.ts";

/** The facts about the other machine, in the words of the bootstrap script. */
export interface Probe {
  /** `uname -s` and `uname -m`. */
  readonly os: string;
  readonly arch: string;
  readonly uid: string;
  /** How to be root there: it is (`self`), with `sudo` or `doas` (no password), or not (`none`). */
  readonly root: string;
  /** `glibc`, or `other` where its loader is missing. */
  readonly libc: string;
  /** `device`: /dev/fuse is a device; `driver`: it is not, but the kernel knows fuse; `none`. */
  readonly fuse: string;
  /** Which of zstd, gzip, sha256sum there are. */
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
    tools: fact("tools").split(",").filter((tool) => tool !== ""),
    present: fact("present") !== "",
    fit: fact("fit"),
    room: fact("room") === "" ? NaN : Number(fact("room")),
    dir: fact("dir"),
  };
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
  if (probe.libc !== "glibc") {
    yield ["loader", "it has no glibc (musl?), which outrun needs; choose another machine"];
  }
  if (probe.root === "none") {
    yield [
      "way in",
      `user ${probe.uid} is not root there, and sudo -n and doas -n do not help; ` +
      `log in as root, or allow sudo without a password`,
    ];
  }
  if (probe.fuse === "none") {
    yield [
      "FUSE",
      "there is no /dev/fuse and its kernel has no FUSE; load it (modprobe fuse), or start the container with " +
      "--device /dev/fuse --cap-add SYS_ADMIN",
    ];
  }
}

const waysIn: Record<string, string> = { self: "a login as root", sudo: "root by sudo -n", doas: "root by doas -n" };

/** What is going to be used of a machine without obstacles, for people, by the side that it is of. */
export function describeProbe(probe: Probe): Record<Obstacle["check"], string> {
  const room = Number.isNaN(probe.room) ? "" : `, ${Math.round(probe.room / 1024)} MB free`;
  return {
    system: `${probe.os} on ${probe.arch}`,
    loader: probe.libc === "glibc" ? "its own, of glibc" : "this machine's, sent along",
    "way in": waysIn[probe.root] ?? probe.root,
    FUSE: probe.fuse === "device" ? "/dev/fuse" : "the kernel has it, though there is no /dev/fuse",
    folder: probe.present ? `${probe.dir}, where this outrun is installed` : `${probe.dir}${room}`,
  };
}
