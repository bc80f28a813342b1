import { type ByteString, fromText } from "../../lib/bytes/mod.ts";
import * as p from "../../lib/protocol/mod.ts";
import { type Choices, once, pick } from "./choices.ts";

/** What an agent has been told, or has said, that makes sense in a request. */
export interface Knowledge {
  /** Files that were found, by name. */
  readonly refs: p.NamedRef[];
  readonly cookies: bigint[];
}

/** A request or a note. */
export interface Message {
  readonly isNote: boolean;
  readonly op: number;
  readonly body: Uint8Array;
}

const names = [
  ...["f", "d", "g", "e", "hard", "absolute", "relative", "up", "twice", "magic", "pipe", "many", "foreign", "null"],
  ...["proc", "secret", "unreadable", "new", "new2", "..a", "\xff\x80", "n".repeat(255), "n".repeat(256), "socket"],
  ...["outside", "folder", "file with a longer name 3"],
].map((name) => name as ByteString);
/** No names of one file: they are refused before anything is done, or lead out. */
const paths = ["..", ".", "../outside/secret", "d/../../outside/secret", "/no/such/place", "../outside", "a\0b", ""]
  .map((path) => path as ByteString);
/** Paths that lead out where anybody follows them. */
const targets = ["../outside/secret", "/proc/self/fd", "..", "/", "x".repeat(4095), "f"].map(fromText);
const sizes = [0, 1, 13, 4095, 4096, 65536, 1 << 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
const words = [0, 1, 2, 3, 7, 0o644, 0o7777, 65533, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];
const owners = [0n, 1n, 1n, 2n, 2n, 2n ** 63n, 2n ** 64n - 1n];
const types = [0o100000, 0o010000, 0o020000, 0o060000, 0o140000, 0o120000, 0o040000, 0, 0o170000];
const openFlags = [
  0,
  1,
  2,
  2,
  2,
  0,
  3,
  0o1000,
  0o1002,
  0o2001,
  0o40000,
  0o100,
  0o300,
  0o10000000,
  0o20200002,
  0o1000000,
];
const xattrs = ["user.a", "user.b", "security.capability", "system.posix_acl_access", "trusted.x", "a", "../x"];

/** Requests as an agent makes them, and as a forger would, from bytes. */
export class AgentRequests {
  readonly #known: Knowledge;

  constructor(known: Knowledge) {
    this.#known = known;
  }

  next(from: Choices): Message {
    if (once(from, 5)) return { isNote: true, ...this.#note(from) };
    return { isNote: false, ...this.#request(from) };
  }

  #note(from: Choices): Omit<Message, "isNote"> {
    switch (from.below(8)) {
      case 0:
        return { op: p.FileNote.UNBIND, body: p.encodeNumber(dir(from)) };
      case 1:
        return { op: p.FileNote.RELEASE, body: p.encodeNumber(handle(from)) };
      case 2:
        return { op: p.FileNote.OWNER, body: p.encodeOwner({ uid: pick(from, words), gid: pick(from, words) }) };
      case 3:
        return { op: p.FileNote.STOP_WAITING, body: p.encodeNumber(from.below(6)) };
      case 4: {
        const files = Array.from({ length: from.below(4) }, () => {
          const { dir, name, ino } = this.#named(from);
          return { dir, name, stat: { ino, size: from.below(3), mtime: 0, mtimeNsec: 0, ctime: 0, ctimeNsec: 0 } };
        });
        return { op: p.FileNote.CHECK, body: p.encodeCheck(files) };
      }
      default: {
        const { dir: parent, name, dev, ino } = this.#named(from);
        return { op: p.FileNote.BIND, body: p.encodeBind({ id: dir(from), parent, name, dev, ino }) };
      }
    }
  }

  #request(from: Choices): Omit<Message, "isNote"> {
    const make = pick(from, [this.#onNames, this.#onNames, this.#onFiles, this.#onHandles, this.#onHandles]);
    return make.call(this, from);
  }

  /** What makes, finds and removes names. */
  #onNames(from: Choices): Omit<Message, "isNote"> {
    const place = { dir: dir(from), name: nameOf(from) };
    const other = { toDir: dir(from), toName: nameOf(from) };
    const made = { mode: pick(from, types) | pick(from, [0o644, 0o755, 0, 0o7777]), umask: pick(from, words) };
    switch (from.below(11)) {
      case 0:
        return { op: p.FileOp.SYMLINK, body: p.encodeSymlink({ ...place, target: pick(from, targets) }) };
      case 1:
        return { op: p.FileOp.MKNOD, body: p.encodeMake({ ...place, ...made, rdev: pick(from, words) }) };
      case 2:
        return { op: p.FileOp.MKDIR, body: p.encodeMake({ ...place, ...made, rdev: 0 }) };
      case 3:
        return { op: pick(from, [p.FileOp.UNLINK, p.FileOp.RMDIR]), body: p.encodeName(place) };
      case 4:
        return {
          op: p.FileOp.RENAME,
          body: p.encodeRename({ ...place, ...other, flags: pick(from, [0, 0, 0, 1, 2, 4, 2 ** 32 - 1]) }),
        };
      case 5:
        return { op: p.FileOp.LINK, body: p.encodeLink({ ref: this.#ref(from), ...other }) };
      case 6:
        return this.#create(from, place);
      case 7:
        return { op: p.FileOp.READDIR, body: p.encodeReadDir(this.#listing(from)) };
      case 8:
        return { op: p.FileOp.WALK, body: p.encodeWalk(this.#walk(from)) };
      default:
        return { op: p.FileOp.LOOKUP, body: p.encodeName(place) };
    }
  }

  #walk(from: Choices): p.WalkIn {
    const inos = this.#known.refs.map(({ ino }) => ino);
    return {
      ...{ walk: from.below(12), dir: dir(from), budget: pick(from, [0, 1, 3000, p.MAX_WALK]) },
      ...{ breadth: once(from, 2), contents: once(from, 2), packed: once(from, 2) },
      from: Array.from({ length: from.below(4) }, () => pick(from, [1n, ...inos])),
    };
  }

  #create(from: Choices, place: p.NameIn): Omit<Message, "isNote"> {
    const how = { fh: handle(from), flags: pick(from, openFlags), mode: pick(from, words), umask: pick(from, words) };
    if (once(from, 3)) return { op: p.FileOp.TMPFILE, body: p.encodeTmpFile({ dir: place.dir, ...how }) };
    return { op: p.FileOp.CREATE, body: p.encodeCreate({ ...place, ...how }) };
  }

  #listing(from: Choices): p.ReadDirIn {
    const cookie = once(from, 3) ? pick(from, owners) : pick(from, [0n, ...this.#known.cookies]);
    return { dir: dir(from), cookie, budget: pick(from, [0, 1, 400, p.MAX_PAGE, 2 ** 32 - 1]) };
  }

  /** What is asked of a file, however it is named. */
  #onFiles(from: Choices): Omit<Message, "isNote"> {
    const ref = this.#ref(from);
    const name = fromText(pick(from, xattrs));
    switch (from.below(10)) {
      case 0:
        return { op: p.FileOp.SETATTR, body: p.encodeSetAttr(change(ref, from)) };
      case 1:
        return { op: p.FileOp.READLINK, body: p.encodeRef(ref) };
      case 2:
        return { op: p.FileOp.STATFS, body: p.encodeRef(ref) };
      case 3:
        return { op: p.FileOp.ACCESS, body: p.encodeAccess({ ref, mask: from.below(9) }) };
      case 4:
        return { op: pick(from, [p.FileOp.GETXATTR, p.FileOp.REMOVEXATTR]), body: p.encodeXattrRef({ ref, name }) };
      case 5: {
        const value = new Uint8Array(pick(from, [0, 1, 20, 65536, 65537]));
        const body = p.encodeSetXattr({ ref, name, value, flags: from.below(4), killSetgid: once(from, 2) });
        return { op: p.FileOp.SETXATTR, body };
      }
      case 6:
        return { op: pick(from, [p.FileOp.LISTXATTR, p.FileOp.GETATTR]), body: p.encodeRef(ref) };
      default:
        return { op: p.FileOp.OPEN, body: p.encodeOpen({ ref, fh: handle(from), flags: pick(from, openFlags) }) };
    }
  }

  /** What is asked of an open file. */
  #onHandles(from: Choices): Omit<Message, "isNote"> {
    const [fh, offset, length] = [handle(from), pick(from, sizes), pick(from, sizes)];
    switch (from.below(9)) {
      case 0: {
        const head = p.encodeWrite({ fh, offset });
        const body = new Uint8Array(head.length + pick(from, [0, 1, 4096, 65536]));
        body.set(head);
        return { op: p.FileOp.WRITE, body };
      }
      case 1:
        return { op: p.FileOp.FLUSH, body: p.encodeFlush({ fh, owner: pick(from, owners) }) };
      case 2: {
        const body = p.encodeSync({ id: once(from, 2) ? fh : dir(from), dataOnly: once(from, 2) });
        return { op: pick(from, [p.FileOp.FSYNC, p.FileOp.FSYNCDIR]), body };
      }
      case 3:
        return {
          op: p.FileOp.FALLOCATE,
          body: p.encodeAllocate({ fh, offset, length, mode: pick(from, [0, 1, 2, 3, 16, 2 ** 31, 2 ** 32 - 1]) }),
        };
      case 4:
        return { op: p.FileOp.SEEK, body: p.encodeSeek({ fh, offset, whence: from.below(6) }) };
      case 5: {
        const to = { to: handle(from), toOffset: pick(from, sizes) };
        return { op: p.FileOp.COPY, body: p.encodeCopy({ from: fh, fromOffset: offset, ...to, length }) };
      }
      case 6:
      case 7:
        return lock(from, fh);
      default:
        return { op: p.FileOp.READ, body: p.encodeRead({ fh, offset, size: length >>> 0 }) };
    }
  }

  #ref(from: Choices): p.FileRef {
    switch (from.below(4)) {
      case 0:
        return { kind: "handle", fh: handle(from) };
      case 1:
        return { kind: "directory", dir: dir(from) };
      default:
        return this.#named(from);
    }
  }

  /** Something that is there, most often; or something like it. */
  #named(from: Choices): p.NamedRef {
    const forged = { kind: "name", dir: dir(from), name: nameOf(from), dev: 1, ino: 2n } as const;
    const { refs } = this.#known;
    if (refs.length === 0 || once(from, 6)) return forged;
    const ref = pick(from, refs);
    return once(from, 20) ? { ...ref, name: forged.name } : once(from, 20) ? { ...ref, dir: forged.dir } : ref;
  }
}

function nameOf(from: Choices): ByteString {
  return once(from, 16) ? pick(from, paths) : pick(from, names);
}

/** The first few most often, so that they are in use. */
function dir(from: Choices): number {
  return once(from, 24) ? pick(from, words) : 1 + Math.min(from.below(7), from.below(3));
}

function handle(from: Choices): number {
  return once(from, 24) ? pick(from, words) : Math.min(from.below(6), from.below(5));
}

function change(ref: p.FileRef, from: Choices): p.SetAttrIn {
  const some = <T>(value: T) => once(from, 2) ? value : undefined;
  const time = {
    sec: pick(from, [0, -1, 2 ** 40, -(2 ** 53)]),
    nsec: pick(from, [0, 2 ** 30 - 1, 2 ** 30 - 2, 2 ** 31]),
  };
  return {
    ref,
    mode: some(pick(from, [0o644, 0o755, 0o7777, 0])),
    uid: once(from, 4) ? pick(from, words) : undefined,
    gid: once(from, 4) ? pick(from, words) : undefined,
    size: some(pick(from, sizes)),
    atime: some(time),
    mtime: some(time),
  };
}

function lock(from: Choices, fh: number): Omit<Message, "isNote"> {
  const [type, wait] = [from.below(3), once(from, 2) ? from.below(6) : 0];
  if (once(from, 3)) return { op: p.FileOp.FLOCK, body: p.encodeFileLock({ fh, type, wait }) };
  const start = pick(from, [0n, 1n, 100n, 2n ** 62n]);
  const range = { type, start, end: pick(from, [start, start + 10n, 2n ** 63n - 1n]) };
  const body = p.encodeRangeLock({ fh, owner: pick(from, owners), pid: pick(from, words), lock: range, wait });
  return { op: pick(from, [p.FileOp.SETLK, p.FileOp.SETLK, p.FileOp.GETLK]), body };
}
