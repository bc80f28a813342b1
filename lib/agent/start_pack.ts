import type { ByteString } from "../bytes/mod.ts";
import { DecodeError } from "../bytes/mod.ts";
import { S_IFDIR, S_IFMT } from "../linux/mod.ts";
import {
  type FileAttr,
  FIRST_LOCAL_DIRECTORY,
  type LookupOut,
  type PackRecord,
  ROOT_DIRECTORY,
} from "../protocol/mod.ts";
import type { KnownChunk } from "./contents.ts";
import type { Directories } from "./directories.ts";
import { inodeKey, type Node, type Nodes, pathOf } from "./nodes.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";

/** A directory of which the local side told before the kernel asked. */
interface PackedDirectory extends Snapshot {
  readonly number: number;
  readonly path: ByteString;
  readonly watched: boolean;
  /** performance.now() when the first of it was told. */
  readonly since: number;
  /** As it was told last, and when: performance.now(). Undefined for the root. */
  stat?: FileAttr;
  statTime: number;
  /** What the pack said of names, whatever has become of them since. */
  readonly told: Map<ByteString, LookupOut>;
  /** Names have changed in there since `stat` was told. */
  hasChanged: boolean;
  /** Some names may have been told before this was there to note them. */
  isPart: boolean;
}

/** A content that came whole. The bytes are a view of what came: an LZ4 block, if shorter than the file. */
export type PackedData = PackRecord & { kind: "data" };

/** How records came. */
export interface Arrival {
  /** performance.now() when they were asked for: what nobody tells changes of is no younger than that. */
  readonly asOf: number;
  /** Numbers of directories of which something was told. */
  readonly seen: Set<number>;
  readonly onData: (record: PackedData) => void;
}

/** What a start pack works on. */
export interface StartPackOptions {
  readonly nodes: Nodes;
  readonly directories: Directories;
  readonly snapshots: Snapshots;
  /** A chunk has this SHA-256. */
  readonly onContent: (chunk: KnownChunk) => void;
}

/**
 * What the local side tells ahead (see PackRecord), until the kernel comes for it: a directory waits here under its inode,
 * and becomes what is known of its node when that is found. From then on its names are answered as those of any directory
 * that was fetched whole, and changes of them are told in the same way.
 */
export class StartPack {
  readonly #options: StartPackOptions;
  readonly #byNumber = new Map<number, PackedDirectory>();
  /** Those that no node has taken over. */
  readonly #waiting = new Map<string, PackedDirectory>();
  /** All, by inode. */
  readonly #byInode = new Map<string, PackedDirectory>();

  constructor(options: StartPackOptions) {
    this.#options = options;
    const root = { ...empty(), number: ROOT_DIRECTORY, path: "" as ByteString, watched: false };
    this.#byNumber.set(ROOT_DIRECTORY, root);
    options.snapshots.tell(options.nodes.root, root);
  }

  /** Takes records in the order in which they were sent. Throws DecodeError for what makes no sense. */
  receive(records: readonly PackRecord[], arrival?: Arrival): void {
    for (const record of records) this.#take(record, arrival);
  }

  /** Nothing more is told of these directories. What nobody has come to stays; with `drop`, it is given up. */
  settle(numbers: Iterable<number>, { drop }: { drop: boolean }): void {
    for (const number of numbers) {
      const packed = this.#byNumber.get(number);
      if (packed === undefined || number === ROOT_DIRECTORY) continue;
      packed.told.clear();
      const key = packed.stat && inodeKey(packed.stat);
      const isWaiting = key !== undefined && this.#waiting.get(key) === packed;
      if (isWaiting && !drop) continue;
      if (isWaiting) {
        this.#waiting.delete(key);
        this.#refuse(packed.number);
      }
      this.#byNumber.delete(number);
      if (key !== undefined && this.#byInode.get(key) === packed) this.#byInode.delete(key);
    }
  }

  /** The kernel has come to a directory. */
  entered(node: Node): void {
    if (this.#waiting.size === 0) return;
    const key = inodeKey(node.attr);
    const packed = this.#waiting.get(key);
    if (packed === undefined) return;
    this.#waiting.delete(key);
    if (node.isOtherFile(packed.stat!)) return this.#refuse(packed.number);
    this.#handOver(node, packed);
  }

  /** A name changed in a directory that no node has taken over. */
  told(number: number, name: ByteString, found: LookupOut | undefined): void {
    const packed = this.#byNumber.get(number);
    if (packed === undefined) return;
    packed.hasChanged = true;
    packed.entries.set(name, found ?? "absent");
    packed.news.set(name, performance.now());
  }

  /** Names have changed in a directory that no node has taken over, and it is this now. */
  toldDirectory(number: number, stat: FileAttr): void {
    const packed = this.#byNumber.get(number);
    if (packed?.stat === undefined || inodeKey(packed.stat) !== inodeKey(stat)) return;
    packed.stat = stat;
    packed.statTime = performance.now();
    packed.hasChanged = false;
  }

  /** Any name may have changed. */
  forget(): void {
    for (const { number } of this.#waiting.values()) this.#refuse(number);
    this.#waiting.clear();
    this.#byInode.clear();
    this.#byNumber.clear();
  }

  #take(record: PackRecord, arrival?: Arrival): void {
    const number = record.kind === "directory" ? record.parent : record.dir;
    const directory = this.#byNumber.get(number) ?? this.#ofNode(number, arrival);
    arrival?.seen.add(number);
    // Forgotten in the meantime, with all below it.
    if (directory === undefined) return record.kind === "directory" ? this.#refuse(record.dir) : undefined;
    switch (record.kind) {
      case "directory":
        return this.#introduce(directory, record, arrival);
      case "entry": {
        const { name, found } = record;
        const { entries, told } = directory;
        // What has become of it since is known better; what was only told before this is not.
        if (!entries.has(name) || entries.get(name) === told.get(name)) entries.set(name, found ?? "absent");
        if (found !== undefined) told.set(name, found);
        return;
      }
      case "begin":
        directory.isPart = false;
        return;
      case "complete":
        directory.complete ||= !directory.isPart;
        return;
      case "content": {
        const { name, chunk, digest } = record;
        const dir = directory.number;
        const path = `${directory.path}/${name}` as ByteString;
        const stat = directory.told.get(name)?.stat;
        // Where a walk has ended in there meanwhile, what was told of names is let go of.
        if (stat !== undefined) this.#options.onContent({ path, dir, name, chunk, digest, stat });
        return;
      }
      case "data":
        return arrival?.onData(record);
    }
  }

  /** A directory that has a number of ours, or one that was taken over before. */
  #ofNode(number: number, arrival: Arrival | undefined): PackedDirectory | undefined {
    const { directories, snapshots } = this.#options;
    const node = directories.byNumber(number);
    if (node === undefined) return undefined;
    const watched = directories.isLeased(node);
    const told = { ...(watched ? empty() : empty(arrival?.asOf)), isPart: true };
    const packed = { ...told, number, path: pathOf(node), watched, stat: node.attr };
    this.#byNumber.set(number, packed);
    snapshots.tell(node, packed);
    return packed;
  }

  #introduce(
    parent: PackedDirectory,
    { dir, name, watched }: PackRecord & { kind: "directory" },
    arrival?: Arrival,
  ): void {
    arrival?.seen.add(dir);
    const stat = parent.told.get(name)?.stat;
    if (stat === undefined) return this.#refuse(dir);
    if ((stat.mode & S_IFMT) !== S_IFDIR || dir < FIRST_LOCAL_DIRECTORY || this.#byNumber.has(dir)) {
      throw new DecodeError(`Cannot use a start pack: directory ${dir} makes no sense`);
    }
    const known = this.#byInode.get(inodeKey(stat));
    if (known !== undefined && !known.hasChanged) {
      // Told twice: what is known of it stays.
      this.#byNumber.set(dir, known);
      return this.#refuse(dir);
    }
    const path = `${parent.path}/${name}` as ByteString;
    const told = watched ? empty() : empty(arrival?.asOf);
    const packed: PackedDirectory = { ...told, number: dir, path, watched, stat };
    this.#byNumber.set(dir, packed);
    this.#byInode.set(inodeKey(stat), packed);
    const node = this.#options.nodes.ofFile(stat);
    if (node === undefined) this.#waiting.set(inodeKey(stat), packed);
    // The root has a number of its own; somebody has mounted it within itself.
    else if (node.isOtherFile(stat) || node === this.#options.nodes.root) this.#refuse(dir);
    else if (this.#options.directories.isLeased(node)) {
      // It has a number and a watch, of which the local side had not heard yet.
      this.#refuse(dir);
      this.#options.snapshots.tell(node, packed);
    } else this.#handOver(node, packed);
  }

  #refuse(number: number): void {
    this.#options.directories.refuse(number);
  }

  #handOver(node: Node, packed: PackedDirectory): void {
    // Changes of ours that are on their way use the number that it has.
    if (node.pending > 0) return this.#refuse(packed.number);
    this.#options.directories.adopt(node, packed);
    this.#options.snapshots.tell(node, packed);
    if (packed.hasChanged) node.doubt();
    // By its name it may have been found as it was before.
    else if (packed.stat !== undefined && node.hasOtherContent(packed.stat)) node.update(packed.stat, packed.statTime);
  }
}

function empty(
  now = performance.now(),
): Snapshot & Pick<PackedDirectory, "since" | "statTime" | "told" | "hasChanged" | "isPart"> {
  const names = { entries: new Map(), news: new Map(), told: new Map() };
  return { ...names, complete: false, hasChanged: false, isPart: false, asOf: now, since: now, statTime: now };
}
