import type { ByteString } from "../bytes/mod.ts";
import type { RangeLock, Stat } from "../linux/mod.ts";

/** The kernel's number for an inode, chosen by us: 1 is the root. */
export type NodeId = number;

/** A value now, or later. Failures are thrown: an ErrnoError carries its errno, anything else becomes EIO and a log line. */
export type Result<T> = T | Promise<T>;

/** Who asks: ids as seen inside the mount's user namespace, the thread's id in the mount's pid namespace (0: a stranger). */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** Aborted when the request was interrupted and nobody waits for its answer any more. Made on first use. */
  readonly signal: AbortSignal;
  /**
   * Aborted at any signal of the thread, harmless ones included. Whoever waits for a long time may then fail with EINTR;
   * who does not look at this is not interrupted. Made on first use.
   */
  readonly interrupted: AbortSignal;
}

/** What the kernel may remember of a name: fuse_entry_out. */
export interface Entry {
  /** 0 makes it a negative entry: the name does not exist, for `entryValid`. */
  readonly nodeId: NodeId;
  readonly generation: number;
  readonly attr: Attr;
  /** Lifetimes in ms. */
  readonly entryValid: number;
  readonly attrValid: number;
}

/** What the kernel shows of an inode. `ino` is what stat(2) gives to programs. */
export type Attr = Omit<Stat, "dev" | "btime" | "btimeNsec">;

/** A user and a group, as the kernel is to see them. */
export type ShowOwner = (owner: { readonly uid: number; readonly gid: number }) => { uid: number; gid: number };

/** Attributes and how long the kernel may believe them (ms). */
export interface AttrOut {
  readonly attr: Attr;
  readonly attrValid: number;
}

/** fuse_open_out. */
export interface Opened {
  /** Our handle, below 2^53; 0 is a handle like any other. */
  readonly fh: number;
  /** FOPEN_* of abi.ts. */
  readonly flags: number;
}

/** fuse_setattr_in: only the fields present are to change. */
export interface SetAttr {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  /** "now" is the time at which the local side gets to it. */
  readonly atime?: { readonly sec: number; readonly nsec: number } | "now";
  readonly mtime?: { readonly sec: number; readonly nsec: number } | "now";
  /** Sent by write-back together with mtime; cannot be set on a local file. */
  readonly ctime?: { readonly sec: number; readonly nsec: number };
  /** The open file this goes through (ftruncate). */
  readonly fh?: number;
  /** FATTR_KILL_SUIDGID: drop setuid and setgid bits on the way. */
  readonly killSuidgid: boolean;
}

/** What is to be made: `mode` as the program gave it; the umask goes off unless the directory has a default ACL. */
export interface NewNode {
  readonly mode: number;
  readonly umask: number;
}

/** A regular file that is opened at once: `flags` of open(2). */
export interface NewFile extends NewNode {
  readonly flags: number;
}

/** A range of an open file to make room for, or to make a hole or zeros of; `mode`: FALLOC_FL_*. */
export interface FileRange {
  readonly fh: number;
  readonly offset: number;
  readonly length: number;
  readonly mode: number;
}

/** Bytes of one open file to be copied to another (or the same). */
export interface FileCopy {
  readonly fh: number;
  readonly offset: number;
  readonly to: { readonly nodeId: NodeId; readonly fh: number; readonly offset: number };
  readonly length: number;
}

/** Birth, beside what every stat has. */
export type StatxAttr = Attr & Pick<Stat, "btime" | "btimeNsec">;

/** An extended attribute's value, and how it is set: `flags` of setxattr(2). */
export interface NewXattr {
  readonly value: Uint8Array;
  readonly flags: number;
  /** FUSE_SETXATTR_ACL_KILL_SGID */
  readonly killSetgid: boolean;
}

/** fuse_file_lock. */
export interface FileLock extends RangeLock {
  /** In the mount's pid namespace: who asks for the lock, or holds it; 0 for a stranger. */
  readonly pid: number;
}

/** A range to lock or unlock. */
export interface LockRequest {
  readonly fh: number;
  /** Whose locks are not in each other's way: a process, or an open file. */
  readonly owner: bigint;
  readonly lock: FileLock;
}

/** One name of a directory, for readdirplus. */
export interface DirEntry {
  readonly name: ByteString;
  readonly ino: bigint;
  /** DT_* */
  readonly type: number;
  /** Where the listing goes on after this entry. Opaque, not 0. */
  readonly offset: bigint;
}

/**
 * Takes directory entries for one reply. `add` returns false when the entry did not fit: it then does not count as
 * looked up, and the listing ends there for this time.
 */
export interface DirSink {
  /** True for readdirplus: entries carry attributes and count as lookups (except "." and ".."). */
  readonly plus: boolean;
  /** Without `entry` (or with nodeId 0) the kernel learns the name only. */
  add(entry: DirEntry, plus?: Entry): boolean;
}

/** fuse_kstatfs. */
export interface StatFsOut {
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly bsize: number;
  readonly namelen: number;
  readonly frsize: number;
}

/**
 * The operations of the kernel's FUSE protocol, decoded. One method an operation; those left out answer ENOSYS, which
 * the kernel remembers for some of them. Every returned Entry with a node id counts as one lookup until forgotten.
 */
export interface FileSystem {
  /** What the kernel is told instead of a file's owner: it may not know all of them. Default: as they are. */
  readonly showOwner?: ShowOwner;
  lookup(parent: NodeId, name: ByteString, caller: Caller): Result<Entry>;
  forget(nodeId: NodeId, lookups: number): void;
  getattr(nodeId: NodeId, fh: number | undefined, caller: Caller): Result<AttrOut>;
  /** As getattr, with the time of birth. */
  statx(nodeId: NodeId, fh: number | undefined, caller: Caller): Result<AttrOut & { attr: StatxAttr }>;
  setattr(nodeId: NodeId, change: SetAttr, caller: Caller): Result<AttrOut>;
  readlink(nodeId: NodeId, caller: Caller): Result<Uint8Array>;
  symlink(parent: NodeId, name: ByteString, target: ByteString, caller: Caller): Result<Entry>;
  mknod(parent: NodeId, name: ByteString, node: NewNode & { rdev: number }, caller: Caller): Result<Entry>;
  mkdir(parent: NodeId, name: ByteString, node: NewNode, caller: Caller): Result<Entry>;
  unlink(parent: NodeId, name: ByteString, caller: Caller): Result<void>;
  rmdir(parent: NodeId, name: ByteString, caller: Caller): Result<void>;
  /** `flags`: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4. */
  rename(
    parent: NodeId,
    name: ByteString,
    to: { parent: NodeId; name: ByteString; flags: number },
    caller: Caller,
  ): Result<void>;
  link(nodeId: NodeId, parent: NodeId, name: ByteString, caller: Caller): Result<Entry>;
  open(nodeId: NodeId, flags: number, caller: Caller): Result<Opened>;
  create(
    parent: NodeId,
    name: ByteString,
    how: NewFile,
    caller: Caller,
  ): Result<{ entry: Entry; opened: Opened }>;
  /** A file without a name (O_TMPFILE), on the file system of this directory. */
  tmpfile(parent: NodeId, how: NewFile, caller: Caller): Result<{ entry: Entry; opened: Opened }>;
  /** At most `size` bytes at `offset`, fewer only at the end of the file. They are left alone until {@link readDone}. */
  read(nodeId: NodeId, at: { fh: number; offset: number; size: number }, caller: Caller): Result<Uint8Array>;
  /** What {@link read} gave is needed no more. */
  readDone?(data: Uint8Array): void;
  /**
   * `data` is valid until the result settles: the device keeps its buffer until then. Returns the bytes written.
   * `killSuidgid`: FUSE_WRITE_KILL_SUIDGID. `cached`: FUSE_WRITE_CACHE, what was collected, by a handle that was guessed.
   */
  write(
    nodeId: NodeId,
    at: { fh: number; offset: number; data: Uint8Array; killSuidgid?: boolean; cached?: boolean },
    caller: Caller,
  ): Result<number>;
  /** A descriptor of the open file is closed: the locks on ranges of the file that `lockOwner` has go. */
  flush(nodeId: NodeId, fh: number, lockOwner: bigint, caller: Caller): Result<void>;
  fsync(nodeId: NodeId, fh: number, dataOnly: boolean, caller: Caller): Result<void>;
  /** The last descriptor is closed: the file's lock as a whole goes, and those that the open file itself owns. */
  release(nodeId: NodeId, fh: number): void;
  opendir(nodeId: NodeId, caller: Caller): Result<Opened>;
  readdir(nodeId: NodeId, at: { fh: number; offset: bigint }, sink: DirSink, caller: Caller): Result<void>;
  releasedir(nodeId: NodeId, fh: number): void;
  fsyncdir(nodeId: NodeId, fh: number, dataOnly: boolean, caller: Caller): Result<void>;
  statfs(nodeId: NodeId, caller: Caller): Result<StatFsOut>;
  access(nodeId: NodeId, mask: number, caller: Caller): Result<void>;
  /** The whole value; the server sees to what the kernel has room for. ENODATA where there is no such attribute. */
  getxattr(nodeId: NodeId, name: ByteString, caller: Caller): Result<Uint8Array>;
  setxattr(nodeId: NodeId, name: ByteString, xattr: NewXattr, caller: Caller): Result<void>;
  /** All names, a NUL after each. */
  listxattr(nodeId: NodeId, caller: Caller): Result<Uint8Array>;
  removexattr(nodeId: NodeId, name: ByteString, caller: Caller): Result<void>;
  fallocate(nodeId: NodeId, range: FileRange, caller: Caller): Result<void>;
  /** Where data (SEEK_DATA 3) or a hole (SEEK_HOLE 4) begins; ENXIO behind the end. */
  lseek(nodeId: NodeId, at: { fh: number; offset: number; whence: number }, caller: Caller): Result<number>;
  /** Bytes copied; EOPNOTSUPP has the kernel read and write them. */
  copyFileRange(nodeId: NodeId, copy: FileCopy, caller: Caller): Result<number>;
  /** A lock that is in the way of this one; of type F_UNLCK when there is none. */
  getlk(nodeId: NodeId, request: LockRequest, caller: Caller): Result<FileLock>;
  /** EAGAIN where a lock is in the way, unless it is to `wait`: then EINTR when the caller is interrupted. */
  setlk(nodeId: NodeId, request: LockRequest & { wait: boolean }, caller: Caller): Result<void>;
  /** The same for the file as a whole, flock(2), on behalf of the open file. `type` is that of a range's lock. */
  flock(nodeId: NodeId, request: { fh: number; type: number; wait: boolean }, caller: Caller): Result<void>;
}
