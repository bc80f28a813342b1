import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import type { CachedDisk } from "../../../lib/prefetch/cached_disk.ts";
import type { Want } from "../../../lib/prefetch/mod.ts";
import { dirname, join } from "../../../lib/prefetch/paths.ts";

/** What a program did with a path: looked it up, read the file, or listed the directory. */
export interface Touch {
  readonly kind: Want["kind"];
  readonly path: ByteString;
}

/** How a plan compares with what a program touched. Paths are counted once each. */
export interface Comparison {
  /** Touched paths. */
  readonly touched: number;
  /** Those of them that were not planned, or less of them than was needed. */
  readonly missed: readonly Touch[];
  /** Wants. */
  readonly planned: number;
  /** Wants for paths that were not touched. */
  readonly wasted: readonly Want[];
}

/** Not served from here. */
const elsewhere = /^\/(?:(?:dev|proc|run|sys)(?:\/|$)|etc\/(?:hosts|resolv\.conf)$)/;

/**
 * Runs a command under strace and returns what it touched, what it made itself left out. `command[0]` is a path.
 * Throws where the command fails.
 */
export function traceTouches(command: string[], options: { cwd: string; env: Record<string, string> }): Touch[] {
  const file = Deno.makeTempFileSync({ prefix: "outrun-strace-" });
  try {
    const args = ["-f", "-y", "-qq", "-s", "4096", "-e", "trace=%file", "-o", file, ...command];
    const { success, stderr } = new Deno.Command("timeout", {
      args: ["60", "strace", ...args],
      cwd: options.cwd,
      env: options.env,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).outputSync();
    if (!success) throw new Error(`Cannot trace "${command.join(" ")}": ${new TextDecoder().decode(stderr)}`);
    return readTouches(Deno.readTextFileSync(file), fromText(options.cwd));
  } finally {
    Deno.removeSync(file);
  }
}

/** The touches of a log that strace wrote, in order, each (path, kind) once. */
export function readTouches(log: string, cwd: ByteString): Touch[] {
  const made = new Set<ByteString>();
  const touches = new Map<string, Touch>();
  for (const line of log.split("\n")) {
    const [, call, args, result] = /^\d+ +(\w+)\((.*)\) += +(.*)$/.exec(line) ?? [];
    // `AT_FDCWD</src>, "name"`: -y shows what a descriptor stands for.
    const [, folder = cwd, name] = /(?:^[^<"]*<([^>]*)>[^"]*)?"((?:[^"\\]|\\.)*)"/.exec(args ?? "") ?? [];
    if (name === undefined || name === "") continue;
    const path = join(join(cwd, fromText(folder)), fromText(JSON.parse(`"${name.replace(/\\(\d+)/g, "\\u0000")}"`)));
    if (/^(unlink|rename|mkdir|rmdir|chmod|symlink|link)/.test(call) || /O_CREAT/.test(args)) made.add(path);
    if (elsewhere.test(path) || made.has(path) || call === "getcwd") continue;
    const touch = { kind: kindOf(call, args, result), path };
    touches.set(`${touch.kind} ${path}`, touch);
  }
  return [...touches.values()].filter((touch) => !made.has(touch.path));
}

function kindOf(call: string, args: string, result: string): Want["kind"] {
  if (result.startsWith("-1") || !/^(open|execve)/.test(call) || args.includes("O_PATH")) return "name";
  return args.includes("O_DIRECTORY") ? "listing" : "content";
}

/** Compares a plan with what was touched; `disk` resolves links. */
export function compare(plan: readonly Want[], touches: readonly Touch[], disk: CachedDisk): Comparison {
  const known = new Planned(plan, disk);
  const missed = touches.filter((touch) => !known.covers(touch));
  const used = new Set<string>();
  for (const touch of touches) for (const path of pathsOf(touch.path, disk)) used.add(path);
  // The kernel reads the loader, which strace does not show.
  const isSeen = ({ path }: Want) => !/\/ld-[^/]*$/.test(path);
  const wasted = plan.filter((want) => isSeen(want) && !pathsOf(want.path, disk).some((path) => used.has(path)));
  return { touched: touches.length, missed, planned: plan.length, wasted };
}

/** All that a plan tells about. */
class Planned {
  readonly #wants = new Map<string, Want["kind"]>();
  readonly #listings = new Set<ByteString>();
  readonly #disk: CachedDisk;

  constructor(plan: readonly Want[], disk: CachedDisk) {
    this.#disk = disk;
    for (const { kind, path } of plan) {
      for (const name of pathsOf(path, disk)) {
        if (this.#wants.get(name) !== "content") this.#wants.set(name, kind);
        for (let folder = dirname(name); folder !== "/"; folder = dirname(folder)) {
          if (!this.#wants.has(folder)) this.#wants.set(folder, "name");
        }
      }
      if (kind === "listing") this.#listings.add(disk.realPath(path) ?? path);
    }
  }

  covers({ kind, path }: Touch): boolean {
    return pathsOf(path, this.#disk).some((name) => {
      if (name === "/") return true;
      const parent = dirname(name);
      if (kind === "name" && this.#listings.has(this.#disk.realPath(parent) ?? parent)) return true;
      const planned = this.#wants.get(name);
      // An opened directory that is not listed is only a name.
      return planned !== undefined &&
        (kind === "name" || planned === kind || (kind === "content" && this.#disk.isDirectory(name)));
    });
  }
}

/** The names that stand for a path: as far as anybody looks it up, and with all links resolved. */
function pathsOf(path: ByteString, disk: CachedDisk): ByteString[] {
  let name = disk.normalize(path);
  while (name !== "/" && disk.stat(dirname(name)) === undefined) name = dirname(name);
  const parent = disk.realPath(dirname(name));
  const real = disk.realPath(name);
  return [
    name,
    ...(parent === undefined ? [] : [join(parent, name.slice(name.lastIndexOf("/") + 1) as ByteString)]),
    real,
  ]
    .filter((name) => name !== undefined);
}
