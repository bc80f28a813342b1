/**
 * Path resolution as the kernel does it, path_resolution(7), by one lookup for each name: nothing is remembered, and
 * ESTALE has the whole path walked again, once.
 */
import { type ByteString, byteString } from "../../../lib/bytes/mod.ts";
import type { Attr, NodeId } from "../../../lib/fuse/mod.ts";
import { Errno, ErrnoError, S_IFDIR, S_IFLNK, S_IFMT } from "../../../lib/linux/mod.ts";
import { RpcError } from "../../../lib/rpc/mod.ts";
import { caller, type Machine } from "./machine.ts";

/** Most links that a path may lead through (MAXSYMLINKS). */
const MAX_LINKS = 40;
const PATH_MAX = 4096;
const ROOT: NodeId = 1;

/** What only a kernel can do: the case is not for this back end. */
export class NeedsKernel extends Error {
  constructor(what: string) {
    super(`${what} is the kernel's`);
  }
}

/** A directory, and the directories that lead there. */
export interface Place {
  readonly nodeId: NodeId;
  readonly above?: Place;
}

/** Where a path ends: a name in a directory, and what is there, if anything. */
export interface End {
  readonly parent: Place;
  /** Empty where the path is the directory itself (".", "..", a trailing slash after one). */
  readonly name: ByteString;
  readonly nodeId: NodeId;
  readonly attr?: Attr;
}

export const root: Place = { nodeId: ROOT };

function fail(errno: number, path: string): never {
  throw new ErrnoError(errno, `resolve ${JSON.stringify(path)}`);
}

function typeOf(attr: Attr | undefined): number {
  return (attr?.mode ?? 0) & S_IFMT;
}

/** A path that is being walked. */
export class Walk {
  readonly #machine: Machine;
  #links = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The end of `path`; `follow`: also of a link that it ends at. */
  async resolve(from: Place, path: string, { follow }: { follow: boolean }): Promise<End> {
    if (path === "") fail(Errno.ENOENT, path);
    if (path.length >= PATH_MAX) fail(Errno.ENAMETOOLONG, path);
    const names = this.#names(path);
    const needsDirectory = path.endsWith("/");
    let place = path.startsWith("/") ? root : from;
    for (const name of names.slice(0, -1)) place = await this.#enter(place, name);
    const last = names.at(-1);
    if (last === undefined || last === "." || last === "..") {
      if (last !== undefined) place = await this.#enter(place, last);
      const { attr } = await this.#machine.files.getattr(place.nodeId, undefined, caller);
      return { parent: place, name: "" as ByteString, nodeId: place.nodeId, attr };
    }
    const end = await this.#look(place, last);
    if (typeOf(end.attr) === S_IFLNK && (follow || needsDirectory)) {
      return await this.resolve(place, (await this.#target(end)) + (needsDirectory ? "/" : ""), { follow: true });
    }
    if (needsDirectory && end.nodeId !== 0 && typeOf(end.attr) !== S_IFDIR) fail(Errno.ENOTDIR, path);
    return end;
  }

  /** The names of a path, which an absolute one has from the exported folder on. */
  #names(path: string): string[] {
    if (path.startsWith("/") && path !== this.#machine.root && !path.startsWith(`${this.#machine.root}/`)) {
      throw new NeedsKernel("what is outside of the exported folder");
    }
    const inside = path.startsWith("/") ? path.slice(this.#machine.root.length) : path;
    return inside.split("/").filter((name) => name !== "");
  }

  async #enter(place: Place, name: string): Promise<Place> {
    if (name === ".") return place;
    if (name === "..") return place.above ?? place;
    const end = await this.#look(place, name);
    if (end.nodeId === 0) fail(Errno.ENOENT, name);
    if (typeOf(end.attr) === S_IFDIR) return { nodeId: end.nodeId, above: place };
    if (typeOf(end.attr) !== S_IFLNK) fail(Errno.ENOTDIR, name);
    const target = await this.resolve(place, await this.#target(end), { follow: true });
    if (target.nodeId === 0) fail(Errno.ENOENT, name);
    if (typeOf(target.attr) !== S_IFDIR) fail(Errno.ENOTDIR, name);
    return target.name === "" ? target.parent : { nodeId: target.nodeId, above: target.parent };
  }

  async #look(place: Place, name: string): Promise<End> {
    const { nodeId, attr } = await this.#machine.files.lookup(place.nodeId, name as ByteString, caller);
    return { parent: place, name: name as ByteString, nodeId, attr: nodeId === 0 ? undefined : attr };
  }

  async #target(end: End): Promise<string> {
    if (++this.#links > MAX_LINKS) fail(Errno.ELOOP, end.name);
    return byteString(await this.#machine.files.readlink(end.nodeId, caller));
  }
}

/** The errno of what a call threw; whatever is not one is thrown on. */
export function errnoOf(error: unknown): number {
  if (error instanceof ErrnoError || error instanceof RpcError) return error.errno;
  throw error;
}

/** Does something with the end of a path. The result of a failure is minus errno. */
export async function atPath<T>(
  machine: Machine,
  where: { from: Place; path: string; follow: boolean },
  action: (end: End) => Promise<T>,
): Promise<T | number> {
  for (let attempt = 0;; attempt++) {
    try {
      return await action(await new Walk(machine).resolve(where.from, where.path, where));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== Errno.ESTALE || attempt > 0) return -errno;
    }
  }
}

/** As {@link atPath}, where something must be at the end. */
export async function atFile<T>(
  machine: Machine,
  where: { from: Place; path: string; follow: boolean },
  action: (nodeId: NodeId, attr: Attr) => Promise<T>,
): Promise<T | number> {
  return await atPath(machine, where, async ({ nodeId, attr }) => {
    if (nodeId === 0 || attr === undefined) fail(Errno.ENOENT, where.path);
    return await action(nodeId, attr);
  });
}

export { caller };
