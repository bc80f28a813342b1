/**
 * Changes that the command takes for made while they are on their way: where what is known under leases says how a change is
 * going to end, the command is told so, and the change goes into the log ({@link ChangeLog}). What that does not decide is
 * left to the caller, who asks the local side and waits.
 *
 * Decided is what nothing stands in the way of: the directory is watched, and what the name stands for is known; the kernel
 * here has checked permissions; no ACL, no immutable file, no other mount is involved; another change was made in this
 * mount before; there is room on the disk. See ARCHITECTURE "Write-behind" for what that guarantees.
 */
import { type ByteString, DecodeError } from "../bytes/mod.ts";
import type { AttrOut, Caller, Entry, FileCopy, NewFile, NewNode, SetAttr } from "../fuse/mod.ts";
import {
  Errno,
  NAME_MAX,
  O_APPEND,
  O_EXCL,
  O_TRUNC,
  RENAME_NOREPLACE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  TRAIT_APPEND,
  TRAIT_IMMUTABLE,
  TRAIT_MOUNT,
  UTIME_NOW,
} from "../linux/mod.ts";
import {
  decodeCopied,
  decodeNamesChanged,
  decodeStat,
  decodeStatFs,
  decodeWritten,
  encodeCopy,
  encodeCreate,
  encodeFlush,
  encodeLink,
  encodeMake,
  encodeName,
  encodeNumber,
  encodeOpen,
  encodeRef,
  encodeRename,
  encodeSetAttr,
  encodeSymlink,
  encodeSync,
  encodeWrite,
  type FileAttr,
  FileOp,
  type SetTime,
} from "../protocol/mod.ts";
import { RpcError } from "../rpc/mod.ts";
import { type Node, pathOf, type Place } from "./nodes.ts";
import { isOpenThere, type OpenFile, type Way } from "./open_files.ts";
import { Rooms } from "./rooms.ts";
import { overlaid, type Tree } from "./tree.ts";

const PERMISSIONS = 0o7777;
const EXECUTABLE = 0o111;
/** Bytes: more takes the local side a while, in which all other changes wait. */
const MAX_COPY = 16 << 20;
/** Bytes that go over the link once more rather than wait for a round trip. */
const MAX_RESENT = 128 * 1024;
/** A longer file not every file system can have. */
const MAX_SIZE = 0xffff_ffff;
/** Longer targets of symbolic links not every one either (XFS). */
const MAX_TARGET = 1023;
/** As many names as every file system lets a file have, and a directory (ext3 has 32000). */
const MAX_LINKS = 1000;
const MAX_DIRECTORIES = 30_000;
/** Whoever makes such a file or directory wants to be the only one who did: the local side decides that. */
const lockName = /(^|[._-])(lock|lck)([._-]|$)|\.pid$/i;

/** What it is made of. */
export interface WriteBehindOptions {
  readonly tree: Tree;
  /** Otherwise nothing is decided here. */
  readonly enabled: boolean;
}

/** A change that was decided. */
interface LoggedChange {
  readonly nodes: readonly Node[];
  /** Those that must be there, and are not changed. */
  readonly uses?: readonly Node[];
  readonly names?: readonly Place[];
  readonly data?: Uint8Array;
  /** See Change. */
  readonly isAwaited?: boolean;
  /** Whose inode the answer tells, and whose attributes. Those of the other nodes are asked for when all is made. */
  readonly made?: Node;
  readonly told?: Node;
  /** Attributes from the answer, if there are any; default: they are all of it. */
  readonly decode?: (reply: Uint8Array) => FileAttr | undefined;
  readonly onError?: (error: unknown) => void;
}

/** Decides what can be decided here. Every method returns undefined or false for what cannot be. */
export class WriteBehind {
  readonly #tree: Tree;
  readonly #enabled: boolean;
  readonly #rooms: Rooms;

  constructor({ tree, enabled }: WriteBehindOptions) {
    this.#tree = tree;
    this.#enabled = enabled;
    this.#rooms = new Rooms(async (node) =>
      decodeStatFs(await tree.ask(FileOp.STATFS, encodeRef(tree.ref(standing(node)))))
    );
    tree.log.onSettled.push((node) => this.#settled(node));
  }

  /** A name in the directory is going to be changed by the local side's word. */
  async proving<T>(directory: Node, reply: Promise<T>): Promise<T> {
    if (this.#enabled) this.#rooms.asked(directory);
    const answer = await reply;
    this.#rooms.proved(directory);
    return answer;
  }

  /** What is known of a name by changes that are not made yet; undefined: nothing. */
  find(parent: Node, name: ByteString): Entry | "absent" | undefined {
    const child = parent.children.get(name);
    if (child !== undefined && (child.pending > 0 || parent.heldNames.has(name))) {
      return this.#tree.enterExpected(child);
    }
    return child === undefined && parent.heldNames.has(name) ? "absent" : undefined;
  }

  create(
    parent: Node,
    name: ByteString,
    { how, way, caller, reserve }: { how: NewFile; way: Way; caller: Caller; reserve: () => number },
  ): { node: Node; fh: number } | undefined {
    // Local processes may want to be the one who made it. Where we have made the directory, nobody else is about.
    const isContested = (how.flags & O_EXCL) !== 0 && !parent.isMade && !looksRandom(name);
    if (way.direct || isContested || !this.#canMake({ parent, name }, caller)) return undefined;
    const fh = reserve();
    const dir = this.#tree.directories.number(parent);
    const node = this.#make({ parent, name }, { mode: S_IFREG | permissions(how), caller });
    node.wasCut(0);
    const body = encodeCreate({ dir, name, fh, ...how, flags: way.flags });
    this.#append(FileOp.CREATE, body, { nodes: [parent, node], names: [{ parent, name }], made: node });
    return { node, fh };
  }

  mkdir(parent: Node, name: ByteString, how: NewNode, caller: Caller): Entry | undefined {
    if (parent.attr.nlink > MAX_DIRECTORIES || !this.#canMake({ parent, name }, caller)) return undefined;
    const dir = this.#tree.directories.number(parent);
    const inherited = parent.attr.mode & S_ISGID;
    const node = this.#make({ parent, name }, { mode: S_IFDIR | permissions(how) | inherited, caller });
    addLinks(parent, 1);
    const body = encodeMake({ dir, name, rdev: 0, ...how });
    this.#append(FileOp.MKDIR, body, { nodes: [parent, node], names: [{ parent, name }], made: node });
    this.#tree.directories.made(node);
    this.#tree.snapshots.made(node);
    return this.#tree.expected(node);
  }

  symlink(parent: Node, name: ByteString, target: ByteString, caller: Caller): Entry | undefined {
    if (target.length > MAX_TARGET || !this.#canMake({ parent, name }, caller)) return undefined;
    const dir = this.#tree.directories.number(parent);
    const node = this.#make({ parent, name }, { mode: S_IFLNK | 0o777, caller, target });
    const body = encodeSymlink({ dir, name, target });
    this.#append(FileOp.SYMLINK, body, { nodes: [parent, node], names: [{ parent, name }], made: node });
    return this.#tree.expected(node);
  }

  link(node: Node, parent: Node, name: ByteString, caller: Caller): Entry | undefined {
    // Others' files may be protected from being linked to.
    const isOurs = node.isMade || (node.attr.uid === caller.uid && this.#tree.attrValid(node) > 0);
    const isPlain = isOurs && node.isRegular && node.places.length > 0 && node.attr.nlink < MAX_LINKS;
    if (
      !isPlain || !isNamed(node) || !isSameMount(node, parent) ||
      !isFree(node, TRAIT_IMMUTABLE | TRAIT_APPEND | TRAIT_MOUNT) ||
      !this.#canMake({ parent, name }, caller)
    ) return undefined;
    const ref = this.#tree.ref(node);
    const body = encodeLink({ ref, toDir: this.#tree.directories.number(parent), toName: name });
    this.#tree.nodes.place(node, { parent, name });
    node.attr = { ...node.attr, nlink: node.attr.nlink + 1, ...changedNow() };
    this.#expect({ parent, name }, node);
    this.#append(FileOp.LINK, body, { nodes: [parent, node], names: [{ parent, name }], told: node });
    return this.#tree.enterExpected(node);
  }

  unlink(parent: Node, name: ByteString): boolean {
    const node = parent.children.get(name);
    if (node === undefined || node.isDirectory || !this.#canRemove(parent, node)) return false;
    const body = encodeName({ dir: this.#tree.directories.number(parent), name });
    this.#tree.nodes.gone(parent, name);
    this.#removed(node);
    this.#expect({ parent, name }, "absent");
    this.#append(FileOp.UNLINK, body, { nodes: [parent, node], names: [{ parent, name }] });
    return true;
  }

  rmdir(parent: Node, name: ByteString): boolean {
    const node = parent.children.get(name);
    if (node === undefined || !this.#canRemove(parent, node) || !this.#isEmpty(node)) return false;
    const body = encodeName({ dir: this.#tree.directories.number(parent), name });
    this.#tree.nodes.gone(parent, name);
    node.isRemoved = true;
    node.attr = { ...node.attr, nlink: 0, ...changedNow() };
    node.outdate();
    addLinks(parent, -1);
    this.#expect({ parent, name }, "absent");
    this.#append(FileOp.RMDIR, body, { nodes: [parent, node], names: [{ parent, name }] });
    return true;
  }

  rename(from: Place, to: Place, flags: number): boolean {
    const node = from.parent.children.get(from.name);
    if (node === undefined || (flags & ~RENAME_NOREPLACE) !== 0) return false;
    if (!isSameMount(node, from.parent) || !isSameMount(from.parent, to.parent)) return false;
    if (!this.#canRemove(from.parent, node) || !this.#canChange(to.parent)) return false;
    const replaced = this.#target(to, { flags, node });
    if (replaced === undefined) return false;
    const numbers = [from.parent, to.parent].map((parent) => this.#tree.directories.number(parent));
    const body = encodeRename({ dir: numbers[0], name: from.name, toDir: numbers[1], toName: to.name, flags });
    this.#tree.nodes.move(from, to);
    // Another name of the same file: nothing happens.
    if (replaced !== "absent" && replaced !== node) this.#removed(replaced);
    node.attr = { ...node.attr, ...changedNow() };
    node.ctimeKnown = false;
    if (node.isDirectory && from.parent !== to.parent) {
      addLinks(from.parent, -1);
      addLinks(to.parent, 1);
    }
    this.#expect(from, "absent");
    this.#expect(to, node);
    const nodes = new Set([from.parent, to.parent, node, ...(replaced === "absent" ? [] : [replaced])]);
    this.#append(FileOp.RENAME, body, { nodes: [...nodes], names: [from, to], told: node, decode: decodeMoved });
    return true;
  }

  setattr(node: Node, change: SetAttr, file: OpenFile | undefined): AttrOut | undefined {
    const { mode, uid, gid, size, fh } = change;
    if (!this.#canWrite(node) || node.isDirectory && size !== undefined) return undefined;
    // What the kernel has collected of times, it writes down whosever the file is.
    if (!this.#tree.servedByRoot && !this.#tree.isUsers(node)) return undefined;
    if ((uid !== undefined || gid !== undefined) && !this.#tree.servedByRoot) return undefined;
    if (size !== undefined && size > MAX_SIZE) return undefined;
    // A program that runs cannot be cut.
    if (size !== undefined && !(file?.writable || node.isMade && !isProgram(node))) return undefined;
    if (!this.#rooms.take(node, {})) return undefined;
    // A handle that the local side may refuse would fail the log.
    const ref = this.#tree.ref(node, file !== undefined && isOpenThere(file) ? fh : undefined);
    const body = encodeSetAttr({ ref, mode, uid, gid, size, ...timesToSet(change) });
    const atime = change.atime && expectedTime(change.atime);
    const mtime = change.mtime && expectedTime(change.mtime);
    const { attr } = node;
    if (size !== undefined && (size > 0 || node.openFiles.size > 0)) node.wasCut(size);
    node.attr = {
      ...attr,
      mode: mode === undefined ? attr.mode : attr.mode & S_IFMT | mode & PERMISSIONS,
      uid: uid ?? attr.uid,
      gid: gid ?? attr.gid,
      size: size ?? attr.size,
      ...changedNow(),
      ...(size !== undefined ? writtenNow() : {}),
      ...(atime && { atime: atime.sec, atimeNsec: atime.nsec }),
      ...(mtime && { mtime: mtime.sec, mtimeNsec: mtime.nsec }),
    };
    if (size !== undefined) {
      node.writes++;
      node.shownSize = size;
    }
    this.#append(FileOp.SETATTR, body, { nodes: [node], told: node });
    return this.#tree.expectedAttr(node)!;
  }

  /**
   * Takes what the kernel has collected: a copy, or, where there is no room, the bytes themselves, which are left alone until
   * the promise settles. Then they are on the local side.
   */
  write(file: OpenFile, offset: number, data: Uint8Array): boolean | Promise<void> {
    const { node, fh, direct } = file;
    const { log } = this.#tree;
    if (direct || offset + data.length > MAX_SIZE) return false;
    if (!this.#canWrite(node) || !this.#rooms.take(node, { bytes: data.length })) return false;
    this.#written(node, offset + data.length);
    // A large file's bytes are not copied, and the link does not run dry between two of its writes.
    const isAwaited = log.isAwaited || !log.hasRoom(data.length);
    const answer = this.#append(FileOp.WRITE, encodeWrite({ fh, offset }), {
      ...{ nodes: [node], told: node, data: isAwaited ? data : data.slice(), isAwaited },
      decode: (reply) => decodeWritten(reply).stat,
    });
    if (!isAwaited) return true;
    return answer.then(() => {}, (error) => {
      throw error instanceof RpcError && error.errno !== Errno.ECANCELED ? error : log.refusal();
    });
  }

  /**
   * Copies within the local side, small enough to be done in one go there. Returns the bytes copied, undefined where that is
   * not decided.
   */
  copy(source: OpenFile, target: OpenFile, range: FileCopy): number | undefined {
    const { node } = target;
    const isKnown = source.node.pending > 0 || this.#tree.attrValid(source.node) > 0;
    if (!isKnown || source.refusal !== undefined || target.direct || source.node === node) return undefined;
    const length = Math.min(range.length, source.node.attr.size - range.offset);
    if (length <= 0 || length > MAX_COPY || range.to.offset + length > MAX_SIZE) return undefined;
    if (!isOpenThere(source)) return this.#copyContent(source, target, { ...range, length });
    if (!this.#canWrite(node) || !this.#rooms.take(node, { bytes: length })) return undefined;
    node.wasWritten(range.to.offset, range.to.offset + length);
    this.#written(node, range.to.offset + length);
    node.wasCopied = true;
    const body = { from: source.fh, fromOffset: range.offset, to: target.fh, toOffset: range.to.offset, length };
    this.#append(FileOp.COPY, encodeCopy(body), {
      ...{ nodes: [node], uses: [source.node], told: node },
      decode: (reply) => {
        const { copied, stat } = decodeCopied(reply);
        if (copied !== length) throw new DecodeError(`Cannot have copied ${copied} of ${length} bytes`);
        return stat;
      },
    });
    return length;
  }

  /**
   * What is here of a file that the local side is only about to open, which it may refuse: written, as a copy by handles would
   * fail the log then.
   */
  #copyContent(source: OpenFile, target: OpenFile, { offset, to, length }: FileCopy): number | undefined {
    const { log } = this.#tree;
    // What is here is the file as it was opened.
    if (source.node.writes > 0) return undefined;
    if (length > MAX_RESENT || source.node.pending > 0 || log.isAwaited || !log.hasRoom(length)) return undefined;
    const bytes = source.content?.read(offset, length);
    if (!(bytes instanceof Uint8Array) || bytes.length !== length) return undefined;
    target.node.wasWritten(to.offset, to.offset + length);
    if (this.write(target, to.offset, bytes) !== true) return undefined;
    target.node.wasCopied = true;
    return length;
  }

  /** What close(2) would say is said by the end of the command. */
  flush({ node, fh }: OpenFile, owner: bigint): boolean {
    if (!this.#canWrite(node) || !this.#tree.log.hasRoom(0)) return false;
    const path = pathOf(node);
    this.#tree.log.append({ op: FileOp.FLUSH, body: encodeFlush({ fh, owner }), nodes: [node], path });
    return true;
  }

  /** Opens for writing, in place, what we have made; `onRefused`: somebody has replaced it on the local side. */
  open(node: Node, flags: number, { fh, onRefused }: { fh: number; onRefused: (error: unknown) => void }): boolean {
    const isOurs = node.isMade && node.isRegular && (node.pending > 0 || this.#tree.attrValid(node) > 0);
    // Somebody may be running it.
    if (!isOurs || isProgram(node) || (flags & O_APPEND) !== 0 || !this.#canWrite(node)) return false;
    const body = encodeOpen({ ref: this.#tree.ref(node), fh, flags });
    const seen = (reply: Uint8Array) => {
      const attr = decodeStat(reply);
      node.wasSeen(attr);
      return attr;
    };
    const isCut = (flags & O_TRUNC) !== 0;
    if (isCut) {
      node.wasCut(0);
      node.attr = { ...node.attr, size: 0, ...changedNow(), ...writtenNow() };
      node.writes++;
      node.shownSize = 0;
    }
    // That a file was not cut is a failure; that one was not opened shows when it is used.
    const onError = isCut ? undefined : onRefused;
    this.#append(FileOp.OPEN, body, { nodes: [node], told: node, onError, decode: isCut ? decodeStat : seen });
    return true;
  }

  /** Has a handle opened behind the changes of its file; undefined: there are none. */
  openBehind(node: Node, body: Uint8Array): Promise<FileAttr> | undefined {
    if (node.pending === 0) return undefined;
    const onError = () => {};
    const reply = this.#tree.log.append({ op: FileOp.OPEN, body, nodes: [node], path: pathOf(node), onError });
    return reply.then(decodeStat);
  }

  /** fsync(2) behind the changes of the file; undefined: there are none. */
  fsync({ node, fh }: OpenFile, dataOnly: boolean): Promise<unknown> | undefined {
    if (node.pending === 0) return undefined;
    const body = encodeSync({ id: fh, dataOnly });
    return this.#tree.log.append({ op: FileOp.FSYNC, body, nodes: [node], path: pathOf(node), onError: () => {} });
  }

  /** Closes a handle behind all changes, as locks may go with it; false: there are none. */
  release({ node, fh, writable }: OpenFile, onReleased: () => void): boolean {
    if (this.#tree.log.isEmpty) return false;
    this.#tree.log.append({
      op: FileOp.RELEASE,
      body: encodeNumber(fh),
      // To one that was only read nothing happens: what is known of it holds.
      nodes: writable ? [node] : [],
      path: pathOf(node),
      onReply: onReleased,
      onError: onReleased,
    });
    return true;
  }

  #written(node: Node, end: number): void {
    const size = Math.max(node.attr.size, end);
    node.attr = { ...node.attr, size, ...changedNow(), ...writtenNow() };
    node.shownSize = Math.max(node.shownSize, size);
    node.writes++;
  }

  #canMake({ parent, name }: Place, caller: Caller): boolean {
    if (!this.#canChange(parent) || !this.#tree.isOwner(caller)) return false;
    const names = parent.attr.xattrNames;
    if (names === undefined || names.includes("posix_acl_default")) return false;
    if (lockName.test(name) || name.length > NAME_MAX) return false;
    if (parent.children.has(name) || this.#tree.snapshots.state(parent, name) !== "absent") return false;
    return overlaid(parent, name) === undefined && this.#rooms.take(parent, { inodes: 1 });
  }

  #canRemove(parent: Node, node: Node): boolean {
    return this.#canChange(parent) && isFree(node, TRAIT_IMMUTABLE | TRAIT_APPEND | TRAIT_MOUNT) &&
      node.overlay?.attr === undefined && this.#rooms.take(parent, {});
  }

  /** Whether names in the directory can be changed. */
  #canChange(directory: Node): boolean {
    return this.#enabled && this.#tree.log.hasRoom(0) && this.#tree.directories.isLeased(directory) &&
      !directory.isRemoved && isFree(directory, TRAIT_IMMUTABLE | TRAIT_APPEND) && this.#rooms.isProved(directory);
  }

  /** Whether content and attributes of the file can be changed. */
  #canWrite(node: Node): boolean {
    if (!isNamed(node)) return false;
    const [{ parent }] = node.places;
    return this.#enabled && this.#tree.directories.isLeased(parent) &&
      isFree(node, TRAIT_IMMUTABLE | TRAIT_APPEND) && this.#rooms.isProved(node) && this.#tree.log.hasRoom(0);
  }

  #isEmpty(directory: Node): boolean {
    const known = this.#tree.snapshots.all(directory);
    if (known === undefined || !this.#tree.directories.isLeased(directory)) return false;
    for (const state of known.entries.values()) if (state !== "absent") return false;
    return true;
  }

  /** What a rename is going to replace; undefined: that is not known, or is not simple. */
  #target({ parent, name }: Place, { flags, node }: { flags: number; node: Node }): Node | "absent" | undefined {
    const there = parent.children.get(name);
    if (overlaid(parent, name) !== undefined || name.length > NAME_MAX) return undefined;
    if (there === undefined) return this.#tree.snapshots.state(parent, name) === "absent" ? "absent" : undefined;
    const isPlain = !there.isDirectory && !node.isDirectory && there.overlay?.attr === undefined;
    return isPlain && flags === 0 && isFree(there, TRAIT_IMMUTABLE | TRAIT_APPEND | TRAIT_MOUNT) ? there : undefined;
  }

  #make({ parent, name }: Place, how: { mode: number; caller: Caller; target?: ByteString }): Node {
    const { mode, caller, target } = how;
    const group = (parent.attr.mode & S_ISGID) !== 0 ? parent.attr.gid : caller.gid;
    const isDirectory = (mode & S_IFMT) === S_IFDIR;
    const { sec, nsec } = now();
    const node = this.#tree.nodes.make(parent, name, {
      ...{ dev: parent.attr.dev, mount: parent.attr.mount, traits: 0, rdev: 0, blksize: parent.attr.blksize },
      ...{ mode, nlink: isDirectory ? 2 : 1, uid: caller.uid, gid: group, size: target?.length ?? 0, blocks: 0 },
      ...{ atime: sec, atimeNsec: nsec, mtime: sec, mtimeNsec: nsec, ctime: sec, ctimeNsec: nsec },
      ...{ btime: sec, btimeNsec: nsec, xattrNames: "" as ByteString },
    });
    node.target = target;
    this.#expect({ parent, name }, node);
    return node;
  }

  #removed(node: Node): void {
    node.attr = { ...node.attr, nlink: Math.max(0, node.attr.nlink - 1), ...changedNow() };
    node.ctimeKnown = false;
  }

  /** What a name stands for from here on. */
  #expect({ parent, name }: Place, state: Node | "absent"): void {
    const known = state === "absent" ? state : { stat: state.attr, target: state.target };
    this.#tree.snapshots.expect(parent, name, known);
    parent.changedAt = performance.now();
    parent.attr = { ...parent.attr, ...changedNow(), ...writtenNow() };
  }

  #append(op: number, body: Uint8Array, change: LoggedChange): Promise<Uint8Array> {
    const { nodes, names, data, isAwaited, made, told = made, decode = decodeStat, onError, uses = [] } = change;
    for (const node of nodes) node.changes++;
    const changes = told?.changes;
    const size = told?.attr.size;
    const [place] = names ?? [];
    const takeDirectories = names && this.#takeDirectories(names.map(({ parent }) => parent));
    const path = place === undefined ? pathOf(nodes[0]) : `${pathOf(place.parent)}/${place.name}` as ByteString;
    return this.#tree.log.append({
      ...{ op, body, data, isAwaited, nodes: [...nodes, ...uses], names, path, onError },
      onReply: (reply) => {
        const answer = takeDirectories?.(reply) ?? reply;
        if (told === undefined) return;
        const attr = decode(answer);
        if (attr === undefined) return;
        if (made?.isProvisional) this.#tree.nodes.identify(made, attr);
        if (attr.size === size) told.wasLeft(attr);
        else told.forgetWritten();
        // Of what was changed after that, it is not the last word.
        if (told.changes === changes) told.toldAttr = attr;
      },
    });
  }

  /** What takes an answer apart that tells of directories, too: of those that no later change has changed, it is the last word. */
  #takeDirectories(parents: readonly Node[]): (reply: Uint8Array) => Uint8Array {
    const changes = parents.map((parent) => parent.changes);
    return (reply) => {
      const { answer, directories } = decodeNamesChanged(reply);
      for (const [index, parent] of parents.entries()) {
        if (parent.changes === changes[index]) parent.toldAttr = directories[index];
      }
      return answer;
    };
  }

  /** No change of the node is under way: what was expected gives way to what is. */
  #settled(node: Node): void {
    if (this.#tree.log.failure !== undefined) return;
    const { toldAttr } = node;
    node.toldAttr = undefined;
    if (node.changes === node.learnedChanges) return;
    if (toldAttr !== undefined) return this.#tree.learn(node, toldAttr);
    // The kernel knows it, and not only the change that is about to end.
    const isKnown = node.id === 1 || (node.lookups > 1 && (node.places.length > 0 || node.openFiles.size > 0));
    if (isKnown && !node.isRemoved) this.#tree.refresh(node);
  }
}

/** The next on the way up that was there before us: what asks of it is not overtaken by changes of ours. */
function standing(node: Node): Node {
  for (let at: Node | undefined = node; at !== undefined; at = at.places[0]?.parent) {
    if (at.isDirectory && !at.isMade && !at.isRemoved && at.attr.mount === node.attr.mount) return at;
  }
  return node;
}

/** As mkstemp(3) makes them: `cc7Tk2Qz.s`, `tmp_obj_aVx3Wq`. */
function looksRandom(name: ByteString): boolean {
  const [, last] = /([A-Za-z0-9]{6})(\.[a-z]{1,3})?$/.exec(name) ?? [];
  return last !== undefined && /[A-Z0-9]/.test(last) && /[A-Za-z]/.test(last);
}

/** What became of what was moved; undefined: it is gone again. */
function decodeMoved(reply: Uint8Array): FileAttr | undefined {
  return reply.length === 0 ? undefined : decodeStat(reply);
}

function permissions({ mode, umask }: NewNode): number {
  return mode & ~umask & PERMISSIONS;
}

function isFree(node: Node, traits: number): boolean {
  return ((node.attr.traits ?? 0) & traits) === 0;
}

function isSameMount({ attr: one }: Node, { attr: other }: Node): boolean {
  return one.dev === other.dev && Boolean(one.mount) && one.mount === other.mount;
}

/** Whether it has a name, and the local side is not being asked to change what has that. */
function isNamed(node: Node): boolean {
  const [place] = node.places;
  return place !== undefined && !place.parent.askedNames.has(place.name);
}

/** A directory has got another one in it, or has lost one: `..` of that is a name of it. Some file systems do not count. */
function addLinks(parent: Node, count: number): void {
  const { nlink } = parent.attr;
  if (nlink >= 2) parent.attr = { ...parent.attr, nlink: Math.max(2, nlink + count) };
}

function isProgram({ attr }: Node): boolean {
  return (attr.mode & EXECUTABLE) !== 0;
}

function now(): { sec: number; nsec: number } {
  const ms = performance.timeOrigin + performance.now();
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.floor((ms - sec * 1000) * 1_000_000) };
}

function changedNow(): { ctime: number; ctimeNsec: number } {
  const { sec, nsec } = now();
  return { ctime: sec, ctimeNsec: nsec };
}

function writtenNow(): { mtime: number; mtimeNsec: number } {
  const { sec, nsec } = now();
  return { mtime: sec, mtimeNsec: nsec };
}

function expectedTime(value: { sec: number; nsec: number } | "now"): { sec: number; nsec: number } {
  return value === "now" ? now() : value;
}

/** Times of a change of attributes, as the local side takes them. */
export function timesToSet({ atime, mtime }: SetAttr): { atime?: SetTime; mtime?: SetTime } {
  return { atime: atime && timeToSet(atime), mtime: mtime && timeToSet(mtime) };
}

function timeToSet(value: { sec: number; nsec: number } | "now"): SetTime {
  return value === "now" ? { sec: 0, nsec: UTIME_NOW } : value;
}
