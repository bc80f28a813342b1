import { type ByteString, byteString, toText } from "../../bytes/mod.ts";
import { effectiveGroup, effectiveUser, Errno, ErrnoError, readFile } from "../../linux/mod.ts";

/** The ids that the command's user namespace has, each as this process's own calls (chown, say) want it. */
export interface CommandIds {
  /** Undefined where it has none such. */
  user(id: number): number | undefined;
  group(id: number): number | undefined;
}

/** A user, as this process's own calls want it. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** This process's own. */
export function ownUser(): UserIds {
  return { uid: effectiveUser(), gid: effectiveGroup() };
}

/** A range of ids, as /proc/PID/uid_map has it. */
interface Extent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Reads what is in /proc/PID/uid_map or gid_map. */
export function parseMap(text: string): Extent[] {
  const lines = text.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return lines.map(([inside, outside, count]) => ({ inside, outside, count }));
}

/** The ids of this process's own user namespace, in which its command runs too. */
export class OwnIds implements CommandIds {
  readonly #users: readonly Extent[];
  readonly #groups: readonly Extent[];

  /** What /proc/self/uid_map and gid_map hold. */
  constructor(maps: { users: string; groups: string }) {
    this.#users = parseMap(maps.users);
    this.#groups = parseMap(maps.groups);
  }

  static read(): OwnIds {
    return new OwnIds({ users: ownMap("uid_map"), groups: ownMap("gid_map") });
  }

  user(id: number): number | undefined {
    return find(this.#users, id) && id;
  }

  group(id: number): number | undefined {
    return find(this.#groups, id) && id;
  }

  /** Whether it has these ids, be they users' or groups', and those that a system takes for granted. */
  hasAll(ids: readonly number[]): boolean {
    return [0, OVERFLOW_ID, ...ids].every((id) => this.user(id) !== undefined && this.group(id) !== undefined);
  }
}

/** The id of those who have none: `nobody`. */
export const OVERFLOW_ID = 65534;

function find(extents: readonly Extent[], id: number): Extent | undefined {
  return extents.find(({ inside, count }) => id >= inside && id < inside + count);
}

/** This process's own uid_map or gid_map. */
export function ownMap(file: "uid_map" | "gid_map"): ByteString {
  const map = readFile(`/proc/self/${file}`);
  if (typeof map === "number") throw new ErrnoError(-map, `read /proc/self/${file}`);
  return byteString(map);
}

/** The number by which the machine knows this process's user, from within a user namespace too. */
export function userOutside(inside: number): number {
  try {
    const extent = find(parseMap(toText(ownMap("uid_map"))), inside);
    return extent === undefined ? inside : extent.outside + inside - extent.inside;
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === Errno.ENOENT) return inside;
    throw error;
  }
}
