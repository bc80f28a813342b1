import type { StatFs } from "../linux/mod.ts";
import type { Node } from "./nodes.ts";

/** `linux/magic.h`: file systems that take every name and every file that the kernel lets through to them. */
const plain: ReadonlySet<number> = new Set([
  0xef53, // ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0xf2f52010, // F2FS
  0xca451a4e, // bcachefs
]);

/** What is always left of a file system: others write there, too. */
const SPARE_BYTES = 64 << 20;
const SPARE_INODES = 4096;
/** After so much was taken, or so many ms, the local side is asked again. */
const ASK_BYTES = 16 << 20;
const ASK_INODES = 1024;
const ASK_MS = 5000;
/** What a name may cost beside an inode. */
const NAME_BYTES = 4096;

/** Room in the file system of one mount. */
interface Room {
  /** A change was made there. */
  proved: boolean;
  /** What was free when the local side was asked last; undefined: it has not answered yet. */
  free: { bytes: number; inodes: number } | undefined;
  bytes: number;
  inodes: number;
  asking: boolean;
  askedAt: number;
}

/**
 * Room on the local side for changes that are acknowledged before they are made. In a mount where none was made yet, none is
 * acknowledged ahead: the first one shows that it can be written to.
 */
export class Rooms {
  readonly #ask: (node: Node) => Promise<StatFs>;
  readonly #rooms = new Map<number, Room>();

  /** `ask`: what the file system that a node is in has free. */
  constructor(ask: (node: Node) => Promise<StatFs>) {
    this.#ask = ask;
  }

  /** The local side is being asked for a change in the directory: what room there is will be known with the answer. */
  asked(directory: Node): void {
    const { mount } = directory.attr;
    if (mount === undefined || mount === 0) return;
    const room = this.#rooms.get(mount) ??
      { proved: false, free: undefined, bytes: 0, inodes: 0, asking: false, askedAt: 0 };
    this.#rooms.set(mount, room);
    if (room.free === undefined) this.#renew(room, directory);
  }

  /** It has been made. */
  proved(directory: Node): void {
    const room = this.#rooms.get(directory.attr.mount ?? 0);
    if (room !== undefined) room.proved = true;
  }

  /** Whether changes can be made where the node is, and at once. */
  isProved({ attr: { mount } }: Node): boolean {
    const room = this.#rooms.get(mount ?? 0);
    return room !== undefined && room.proved && room.free !== undefined;
  }

  /** Takes room for a new name, or for bytes, of a change that is going to be made there; false: there is not enough. */
  take(node: Node, wanted: { bytes?: number; inodes?: number }): boolean {
    const room = this.#rooms.get(node.attr.mount ?? 0);
    if (room === undefined || !room.proved || room.free === undefined) return false;
    const { bytes = 0, inodes = 0 } = wanted;
    const isOld = performance.now() - room.askedAt > ASK_MS;
    if (room.bytes > ASK_BYTES || room.inodes > ASK_INODES || isOld) this.#renew(room, node);
    const allBytes = room.bytes + bytes + inodes * NAME_BYTES;
    const allInodes = room.inodes + inodes;
    if (allBytes + SPARE_BYTES > room.free.bytes || allInodes + SPARE_INODES > room.free.inodes) return false;
    room.bytes = allBytes;
    room.inodes = allInodes;
    return true;
  }

  #renew(room: Room, node: Node): void {
    if (room.asking) return;
    room.asking = true;
    const before = { bytes: room.bytes, inodes: room.inodes };
    this.#ask(node).then((free) => {
      // Where inodes are not counted there are as many as are wanted.
      const inodes = free.files === 0 ? Infinity : free.ffree;
      room.free = plain.has(free.type) ? { bytes: free.bavail * free.frsize, inodes } : undefined;
      // What was taken before the question is not free any more; that it may not be made yet is what the spare is for.
      room.bytes -= before.bytes;
      room.inodes -= before.inodes;
    }).catch(() => room.free = undefined).finally(() => {
      room.asking = false;
      room.askedAt = performance.now();
    });
  }
}
