/**
 * A listing's way: READDIR names a directory and a cookie → the stream that stands there is taken from those kept, or
 * opened and moved there → threads have the disk read what the page takes → names in the order of the file system, each
 * with its attributes, until the page is full → the stream is kept under the cookie at which the agent will go on. So a long listing neither reopens nor seeks, and what is
 * created or removed meanwhile does not disturb it: positions are the file system's own.
 */
import type { ByteString } from "../bytes/mod.ts";
import { type DirectoryEntry, statFd } from "../linux/mod.ts";
import {
  decodeReadDir,
  encodePage,
  type LookupOut,
  type PageEntry,
  type ReadDirIn,
  STAT_BYTES,
} from "../protocol/mod.ts";
import { warm } from "./cold_names.ts";
import type { Answer, Context } from "./context.ts";
import { DirectoryStream } from "./directory_stream.ts";
import { findAt } from "./lookup.ts";

/** Bytes of a page, and of an entry besides its name, attributes and target (see encodePage). */
const PAGE_HEADER = 5;
const ENTRY_HEADER = 22;
/** With a name of some length; if there are more in a page, the last of them are not read ahead. */
const MIN_ENTRY = ENTRY_HEADER + STAT_BYTES + 8;

export function readDir(context: Context, body: Uint8Array): Answer | Promise<Answer> {
  const message = decodeReadDir(body);
  const { dir, cookie } = message;
  const fd = context.directories.find(dir);
  if (fd < 0) return fd;
  const stream = context.listings.take(dir, cookie) ?? DirectoryStream.open(fd, toPosition(cookie));
  if (typeof stream === "number") return stream;
  const isHere = context.waitsHere || !context.listings.begin();
  return isHere ? answerPage(context, stream, message) : answerLoaded(context, stream, message);
}

async function answerLoaded(context: Context, stream: DirectoryStream, message: ReadDirIn): Promise<Answer> {
  try {
    await warm(stream.fd, await stream.load(Math.ceil(message.budget / MIN_ENTRY)));
    return answerPage(context, stream, message);
  } finally {
    context.listings.end();
  }
}

function answerPage({ directories, listings }: Context, stream: DirectoryStream, { dir, budget }: ReadDirIn): Answer {
  // The number may have been given up meanwhile, and perhaps stand for another directory.
  const isBound = isSame(stream.fd, directories.find(dir));
  const look = (name: ByteString) => isBound ? directories.look(dir, name) : findAt(stream.fd, name);
  const { entries, state } = readPage(stream, budget, look);
  if (state === "more" && isBound) {
    listings.keep(dir, entries[entries.length - 1].cookie, stream);
  } else stream.close();
  return typeof state === "number" ? state : encodePage({ entries, end: state === "end" });
}

function isSame(fd: number, other: number): boolean {
  const [one, two] = [statFd(fd), other < 0 ? other : statFd(other)];
  return typeof one !== "number" && typeof two !== "number" && one.ino === two.ino && one.dev === two.dev;
}

interface PageRead {
  readonly entries: PageEntry[];
  /** Or minus errno. */
  readonly state: "more" | "end" | number;
}

/** At least one entry, even when the budget is too small for it: a listing must get on. */
function readPage(
  stream: DirectoryStream,
  budget: number,
  look: (name: ByteString) => LookupOut | number,
): PageRead {
  const entries: PageEntry[] = [];
  let bytes = PAGE_HEADER;
  for (;;) {
    const next = stream.peek();
    if (next === undefined) return { entries, state: "end" };
    if (typeof next === "number") return { entries, state: next };
    const entry = describe(next, look(next.name));
    bytes += ENTRY_HEADER + next.name.length + variableBytes(entry);
    if (bytes > budget && entries.length > 0) return { entries, state: "more" };
    entries.push(entry);
    stream.take();
  }
}

/** Bytes of what an entry need not have. */
function variableBytes({ stat, target }: PageEntry): number {
  return (stat === undefined ? 0 : STAT_BYTES + (stat.xattrNames?.length ?? 0)) +
    (target === undefined ? 0 : 2 + target.length);
}

function describe({ name, ino, type, cookie }: DirectoryEntry, found: LookupOut | number): PageEntry {
  const entry = { name, ino, type, cookie: toCookie(cookie) };
  // Not every file system keeps types in its directories.
  return typeof found === "number" ? entry : { ...entry, ...found, type: found.stat.mode >> 12 };
}

/** Stands for position 0, which as a cookie means the start. No file system gives it (theirs are small, or hashes). */
const ZERO = 0x4000_0000_0000_0003n;

/** The u64 that stands for a position in the file system's directory; never 0n. */
export function toCookie(position: bigint): bigint {
  return position === 0n ? ZERO : BigInt.asUintN(64, position);
}

/** The position that a cookie stands for: the file system gave it as an i64. */
export function toPosition(cookie: bigint): bigint {
  return cookie === ZERO ? 0n : BigInt.asIntN(64, cookie);
}
