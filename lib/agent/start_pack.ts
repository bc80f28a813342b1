import type { ByteString } from "../bytes/mod.ts";
import { DecodeError } from "../bytes/mod.ts";
import { S_IFDIR, S_IFMT, type Stat } from "../linux/mod.ts";
import { FIRST_LOCAL_DIRECTORY, type LookupOut, type PackRecord, ROOT_DIRECTORY } from "../protocol/mod.ts";
import type { KnownChunk } from "./contents.ts";
import type { Directories } from "./directories.ts";
import { inodeKey, type Node, type Nodes } from "./nodes.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";

/** A directory of which the local side told before the kernel asked. */
interface PackedDirectory extends Snapshot {
  readonly number: number;
  readonly path: ByteString;
  readonly watched: boolean;
  /** performance.now() when the first of it was told. */
  readonly since: number;
  /** Undefined for the root. */
  readonly stat?: Stat;
  /** What the pack said of names, whatever has become of them since. */
  readonly told: Map<ByteString, LookupOut>;
  /** Names have changed in there since `stat` was told. */
  hasChanged: boolean;
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
  receive(records: readonly PackRecord[]): void {
    for (const record of records) this.#take(record);
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

  /** Any name may have changed. */
  forget(): void {
    for (const { number } of this.#waiting.values()) this.#refuse(number);
    this.#waiting.clear();
    this.#byInode.clear();
    this.#byNumber.clear();
  }

  #take(record: PackRecord): void {
    const directory = this.#byNumber.get(record.kind === "directory" ? record.parent : record.dir);
    // Forgotten in the meantime, with all below it.
    if (directory === undefined) return record.kind === "directory" ? this.#refuse(record.dir) : undefined;
    switch (record.kind) {
      case "directory":
        return this.#introduce(directory, record);
      case "entry": {
        const { name, found } = record;
        if (found !== undefined) directory.told.set(name, found);
        // What has become of it since is known better.
        if (!directory.entries.has(name)) directory.entries.set(name, found ?? "absent");
        return;
      }
      case "complete":
        directory.complete = true;
        return;
      case "content": {
        const { name, chunk, digest } = record;
        const dir = directory.number;
        const path = `${directory.path}/${name}` as ByteString;
        this.#options.onContent({ path, dir, name, chunk, digest, stat: attributes(directory, name) });
      }
    }
  }

  #introduce(parent: PackedDirectory, { dir, name, watched }: PackRecord & { kind: "directory" }): void {
    const stat = attributes(parent, name);
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
    const packed: PackedDirectory = { ...empty(), number: dir, path, watched, stat };
    this.#byNumber.set(dir, packed);
    this.#byInode.set(inodeKey(stat), packed);
    const node = this.#options.nodes.ofFile(stat);
    if (node === undefined) this.#waiting.set(inodeKey(stat), packed);
    // The root has a number of its own; somebody has mounted it within itself.
    else if (node.isOtherFile(stat) || node === this.#options.nodes.root) this.#refuse(dir);
    else this.#handOver(node, packed);
  }

  #refuse(number: number): void {
    this.#options.directories.refuse(number);
  }

  #handOver(node: Node, packed: PackedDirectory): void {
    this.#options.directories.adopt(node, packed);
    this.#options.snapshots.tell(node, packed);
    if (packed.hasChanged) node.doubt();
  }
}

function empty(): Snapshot & Pick<PackedDirectory, "since" | "told" | "hasChanged"> {
  const now = performance.now();
  const names = { entries: new Map(), news: new Map(), told: new Map() };
  return { ...names, complete: false, hasChanged: false, asOf: now, since: now };
}

/** What the pack told of a name that a later record of it takes for one that is there. */
function attributes({ told }: PackedDirectory, name: ByteString): Stat {
  const found = told.get(name);
  if (found === undefined) throw new DecodeError("Cannot use a start pack: it says more of a name that is not there");
  return found.stat;
}
