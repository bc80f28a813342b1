import { type ByteString, fromText } from "../../lib/bytes/mod.ts";
import { NO_BIRTH, type Stat } from "../../lib/linux/mod.ts";
import * as p from "../../lib/protocol/mod.ts";
import { type BulkSource, type Connection, createConnection, type Incoming } from "../../lib/rpc/mod.ts";
import { samples } from "../unit/protocol/messages.ts";
import { type Choices, once, pick } from "./choices.ts";
import { mutate } from "./mutate.ts";

const names = ["a", "b", "d", "e", "link", "pipe", "hosts", "resolv.conf", "\xff", "."].map((name) =>
  name as ByteString
);
const sizes = [0, 1, 4096, 65536, 300_000, 2 ** 32, 2 ** 53 - 1];
const modes = [0o100644, 0o100644, 0o040755, 0o040755, 0o120777, 0o010644, 0o020644, 0, 0o170000];
const allSamples = Object.values(samples).map(({ bytes }) => bytes);
const { FileOp } = p;
const withStat: readonly number[] = [
  ...[FileOp.GETATTR, FileOp.SETATTR, FileOp.SYMLINK, FileOp.MKNOD, FileOp.MKDIR, FileOp.LINK, FileOp.OPEN],
  ...[FileOp.CREATE, FileOp.TMPFILE, FileOp.SETXATTR, FileOp.REMOVEXATTR, FileOp.FALLOCATE],
];

/** A local side that answers as it pleases, within frames that are well-formed. */
export class HostileSide {
  readonly connection: Connection;
  /** What the next answers are made of. */
  from: Choices = { below: () => 0 };
  #held: Incoming[] = [];

  constructor() {
    this.connection = createConnection({
      handler: { request: (call) => this.#request(call), notify: () => {} },
      onPending: () => {},
    });
  }

  /** Answers what was left waiting, the last one first or the first one. */
  letGo(): void {
    const held = once(this.from, 2) ? this.#held : this.#held.reverse();
    this.#held = [];
    // Those that were cancelled have been answered.
    for (const call of held) if (!call.signal.aborted) this.#answer(call);
  }

  /** Tells of something that may have changed, or of what was never there. */
  tell(): void {
    const { from, connection } = this;
    switch (from.below(7)) {
      case 0:
        return connection.notify(p.AgentNote.ALL_CHANGED, new Uint8Array());
      case 1:
      case 2:
        return connection.notify(p.AgentNote.WATCHED, p.encodeNumber(pick(from, [1, 2, 3, 4, 2 ** 32 - 1])));
      case 3:
        return connection.notify(p.AgentNote.CHANGED, mutate(this.#changed(), pick(from, allSamples), from));
      case 4:
        return connection.notify(p.AgentNote.DIRECTORY_CHANGED, this.#directoryChanged());
      default:
        return connection.notify(p.AgentNote.CHANGED, this.#changed());
    }
  }

  #directoryChanged(): Uint8Array {
    const whole = p.encodeDirectoryChanged({ dir: 1 + this.from.below(5), stat: this.#found().stat });
    return once(this.from, 3) ? mutate(whole, pick(this.from, allSamples), this.from) : whole;
  }

  #changed(): Uint8Array {
    const found = once(this.from, 3) ? undefined : this.#found();
    return p.encodeChanged({ dir: 1 + this.from.below(5), name: pick(this.from, names.slice(0, -1)), found });
  }

  #request(call: Incoming): void {
    if (once(this.from, 10)) this.#held.push(call);
    else this.#answer(call);
  }

  #answer(call: Incoming): void {
    const { from } = this;
    switch (from.below(10)) {
      case 0:
        return call.fail(1 + from.below(once(from, 4) ? 4095 : 130));
      case 1:
        return call.reply(mutate(this.#sensible(call), pick(from, allSamples), from));
      case 2:
        if (once(from, 2)) return call.reply(pick(from, allSamples));
        return call.replyBulk(from.below(4), this.#pieces());
      default:
        return call.reply(this.#sensible(call));
    }
  }

  /** More or less than was asked for, in pieces of any size. */
  #pieces(): BulkSource {
    let left = pick(this.from, [0, 1, 5000, 65536, 262144, 300_000]);
    const piece = pick(this.from, [1000, 4096, 65536]);
    const end = once(this.from, 3) ? -5 : 0;
    return {
      pull(into) {
        const count = Math.min(left, piece, into.length);
        left -= count;
        return count > 0 ? count : end;
      },
    };
  }

  /** The right kind of answer, which may be a lie. */
  #sensible({ op, body }: Incoming): Uint8Array {
    const { from } = this;
    if (withStat.includes(op)) return p.encodeStat(this.#stat());
    switch (op) {
      case FileOp.LOOKUP:
        return p.encodeLookupOut(this.#found());
      case FileOp.READLINK:
        return fromBytes(pick(from, ["a", "../x", "", "a\0b", "x".repeat(4095), "x".repeat(70_000)]));
      case FileOp.READ:
        return new Uint8Array(once(from, 6) ? pick(from, [0, 1, 200_000]) : p.decodeRead(body).size);
      case FileOp.WRITE: {
        const written = once(from, 6) ? pick(from, [0, 2 ** 32 - 1]) : p.decodeWrite(body).data.length;
        return p.encodeWritten({ written, stat: this.#stat() });
      }
      case FileOp.READDIR:
        return this.#page();
      case FileOp.WALK:
        return this.#parts(p.decodeWalk(body).dir);
      case FileOp.STATFS:
        return allSamples[Object.keys(samples).indexOf("a file system")];
      case FileOp.GETXATTR:
      case FileOp.LISTXATTR:
        return fromBytes(
          pick(from, ["", "user.a\0trusted.b\0", "x".repeat(70_000), "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff"]),
        );
      case FileOp.SEEK:
        return p.encodePosition(pick(from, sizes));
      case FileOp.COPY:
        return p.encodeCopied({ copied: pick(from, sizes), stat: this.#stat() });
      case FileOp.GETLK:
        return p.encodeHeldLock({ pid: from.below(9), lock: { type: from.below(3), start: 0n, end: 5n } });
      case FileOp.SETLK:
      case FileOp.FLOCK:
        return p.encodeLocked({ ...this.#stat(), settled: once(from, 2) });
      default:
        return new Uint8Array();
    }
  }

  #found(): p.LookupOut {
    const stat = this.#stat();
    const isLink = (stat.mode & 0o170000) === 0o120000;
    return isLink && !once(this.from, 4) ? { stat, target: fromText("a") } : { stat };
  }

  /** A walk's records, or some that make no sense together, in parts. */
  #parts(top: number): Uint8Array {
    const { from } = this;
    const parts = Array.from({ length: from.below(4) }, () => {
      const records = Array.from({ length: 1 + from.below(12) }, () => this.#record(top));
      const pack = once(from, 8) ? mutate(p.encodePack(records), pick(from, allSamples), from) : p.encodePack(records);
      const length = once(from, 12) ? pick(from, [0, 1, p.MAX_PART, 2 ** 32 - 1]) : pack.length;
      return [...p.encodeNumber(length), ...pack];
    });
    return Uint8Array.from(parts.flat());
  }

  #record(top: number): p.PackRecord {
    const { from } = this;
    const dir = once(from, 3) ? top : pick(from, [1, 2, 3, 0x8000_0000, 0x8000_0001, 0x8000_0002]);
    const name = pick(from, names.slice(0, -1));
    switch (from.below(7)) {
      case 0:
        return { kind: "directory", dir: 0x8000_0000 + from.below(4), parent: dir, name, watched: once(from, 2) };
      case 1:
        return { kind: "begin", dir };
      case 2:
        return { kind: once(from, 2) ? "complete" : "end", dir };
      case 3: {
        const size = pick(from, [1, 5, 4096]);
        const bytes = new Uint8Array(once(from, 2) ? size : 1);
        return { kind: "data", dir, name, stat: { ...this.#stat(), size }, bytes };
      }
      default:
        return { kind: "entry", dir, name, found: once(from, 4) ? undefined : this.#found() };
    }
  }

  /** Names again and again, positions that come back, and sometimes `.`. */
  #page(): Uint8Array {
    const { from } = this;
    const count = pick(from, [0, 1, 3, 30, 300]);
    const entries = Array.from({ length: count }, (_, i) => ({
      name: once(from, 3) ? pick(from, names) : `f${i}` as ByteString,
      ino: BigInt(i),
      type: from.below(16),
      cookie: BigInt(once(from, 8) ? from.below(4) : i + 1),
      stat: once(from, 4) ? undefined : this.#stat(),
    }));
    return p.encodePage({ entries, end: !once(from, 3) });
  }

  /** Of one of a few inodes, of which each may be anything at any time, the root included. */
  #stat(): Stat {
    const { from } = this;
    const ino = BigInt(1 + from.below(6));
    const isUsual = !once(from, 3);
    return {
      dev: 1,
      ino,
      size: isUsual ? 65536 : pick(from, sizes),
      blocks: 8,
      mode: isUsual ? modes[Number(ino)] : pick(from, modes),
      nlink: from.below(3),
      uid: 0,
      gid: 0,
      rdev: 0,
      blksize: 4096,
      ...{ atime: 0, atimeNsec: 0, mtime: once(from, 5) ? from.below(3) : 0, mtimeNsec: 0, ctime: 0, ctimeNsec: 0 },
      ...{ btime: once(from, 9) ? 7 : NO_BIRTH, btimeNsec: 0 },
    };
  }
}

function fromBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The root that the mirror begins with: the inode 1 of {@link HostileSide}. */
export const rootStat: Stat = {
  ...{ dev: 1, ino: 1n, size: 65536, blocks: 8, mode: 0o040755, nlink: 2, uid: 0, gid: 0, rdev: 0, blksize: 4096 },
  ...{ atime: 0, atimeNsec: 0, mtime: 0, mtimeNsec: 0, ctime: 0, ctimeNsec: 0, btime: NO_BIRTH, btimeNsec: 0 },
};
