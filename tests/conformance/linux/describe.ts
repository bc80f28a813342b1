import { createHash } from "node:crypto";
import { AT_FDCWD, libc, negative, O_CLOEXEC, O_NOFOLLOW, read, statAt } from "../../../lib/linux/mod.ts";
import { close } from "../../../lib/linux/mod.ts";
import { calls } from "../libc_calls.ts";
import { names } from "./extended.ts";
import { facts, times } from "./facts.ts";
import { listNames } from "./names.ts";
import { path } from "./process.ts";

/** Times before and after these were set, not made by writing: they are to be the same in all runs. */
const EARLIEST = BigInt(Date.UTC(2020, 0)) * 1_000_000n;
const LATEST = BigInt(Date.UTC(2100, 0)) * 1_000_000n;

/**
 * All there is below a folder, and the folder itself, a line each: name, type and mode, owner, links, and by type size
 * and SHA-256, target or device; extended attributes; the first name of the same file; and its mtime if that was set.
 */
export function describe(folder: string): string[] {
  const seen = new Map<string, string>();
  const visit = (name: string): string[] => {
    const own = describeOne(folder, { name, seen });
    const below = own.startsWith(`${name} d`) ? listNames(`${folder}/${name}`) : [];
    if (typeof below === "number") return [`${own} unreadable ${below}`];
    return [own, ...below.flatMap((entry) => visit(`${name}/${entry.slice(0, -2)}`))];
  };
  return visit(".");
}

function describeOne(folder: string, { name, seen }: { name: string; seen: Map<string, string> }): string {
  const where = `${folder}/${name}`;
  const stat = statAt(AT_FDCWD, where as never);
  const found = facts(stat);
  const when = times(stat);
  if (typeof found === "number" || typeof when === "number") return `${name} gone`;
  const { type, mode, uid, gid, nlink, size, rdev, ino } = found;
  const words = [name, `${type}${mode.toString(8)}`, `${uid}:${gid}`, `links=${nlink}`];
  if (type === "f") words.push(String(size), digest(where));
  if (type === "l") words.push(`-> ${target(where)}`);
  if (type === "b" || type === "c") words.push(rdev);
  const first = seen.get(ino);
  if (first !== undefined) words.push(`is ${first}`);
  seen.set(ino, first ?? name);
  const mtime = BigInt(when.mtime);
  if (mtime < EARLIEST || mtime > LATEST) words.push(`mtime=${mtime}`);
  return [...words, ...attributes(where)].join(" ");
}

function digest(where: string): string {
  const fd = negative(libc().openat(AT_FDCWD, path(where), O_CLOEXEC | O_NOFOLLOW, 0));
  if (fd < 0) return `unreadable ${fd}`;
  const hash = createHash("sha256");
  const room = new Uint8Array(1 << 18);
  for (let length; (length = read(fd, room)) > 0;) hash.update(room.subarray(0, length));
  close(fd);
  return hash.digest("hex");
}

function target(where: string): string {
  const room = new Uint8Array(4096);
  const length = negative(libc().readlinkat(AT_FDCWD, path(where), room, room.length));
  return String.fromCharCode(...room.subarray(0, Math.max(0, length)));
}

function attributes(where: string): string[] {
  const room = new Uint8Array(1 << 16);
  const found = names(room, negative(calls().llistxattr(path(where), room, room.length)));
  if (typeof found === "number") return [];
  return found.map((name) => {
    const length = negative(calls().lgetxattr(path(where), path(name), room, room.length));
    return `${name}=${length < 0 ? length : room.toHex().slice(0, 2 * length)}`;
  });
}
