/**
 * Programs that walk through a tree, and what they are told ahead:
 *
 * 1. {@link WalkRecognizer}: what is listed, looked up and opened shows a walk: it wants more below a top
 * 2. WALK asks the local side for the tree below that, from where the program is, and a few hundred names of it
 * 3. they arrive as those of a start pack do, under leases; contents wait for whoever opens the files
 * 4. half of what was told was used: the next stretch is asked for, four times as long. Otherwise that was all.
 */
import { toText } from "../bytes/mod.ts";
import { log } from "../log/mod.ts";
import type { Lz4 } from "../compression/mod.ts";
import { encodeWalk, FileOp, MAX_DATA, maxWalkReply, type PackRecord } from "../protocol/mod.ts";
import type { Call, Connection } from "../rpc/mod.ts";
import type { ReadableContent } from "./content.ts";
import type { Keeper } from "./keeper.ts";
import { inodeKey, type Node, pathOf } from "./nodes.ts";
import { SmallContents } from "./small_contents.ts";
import type { Tree } from "./tree.ts";
import { WalkParts } from "./walk_parts.ts";
import { WalkRecognizer, type WalkWanted } from "./walk_recognizer.ts";

/** Bytes of the first stretch of a walk, and of the longest. */
const FIRST = 128 * 1024;
const LONGEST = 1024 * 1024;
/** The same where contents come, too. */
const FIRST_CONTENTS = 256 * 1024;
const LONGEST_CONTENTS = 4 * 1024 * 1024;
const GROWTH = 8;
/** Most bytes that one walk has told and nobody has used. */
const MAX_UNUSED = 8 * 1024 * 1024;
/** A walk of which less was used does not get longer when something is not told; and so often it is gone on with. */
const WORTH = 0.05;
const MAX_STRAYED = 3;
/** Walks that are gone on with, and those that are over but not all used; of older ones, what nobody came for is given up. */
const MAX_WALKS = 4;

/** A walk under way. */
interface Walk {
  readonly number: number;
  readonly wanted: WalkWanted;
  budget: number;
  call: Call | undefined;
  /** performance.now() of the last request. */
  asOf: number;
  ended: boolean;
  /** Bytes that were told of directories and contents; of those, that were used; and told since the last request. */
  told: number;
  used: number;
  stretch: number;
  /** Of what was told and not used: bytes, by inode. */
  readonly weights: Map<string, number>;
  /** Inodes of the directories that are told of: by parent and name, until they are, and then by number. */
  readonly names: Map<string, string>;
  readonly numbers: Map<number, string>;
  /** Requests because of something that was not told, though little had been used. */
  strayed: number;
  /** Numbers of directories, to be settled. */
  readonly seen: Set<number>;
}

/** What walks work with. */
export interface WalksOptions {
  readonly connection: Connection;
  readonly tree: Tree;
  /** Contents may be packed. */
  readonly lz4?: Lz4;
  /** Where contents are kept that programs used. */
  readonly keeper?: Keeper;
}

/** The walks of all programs. */
export class Walks {
  readonly #options: WalksOptions;
  readonly #recognizer = new WalkRecognizer();
  readonly #contents: SmallContents;
  /** The least recently begun first. */
  readonly #walks = new Set<Walk>();
  #next = 1;
  /** For --debug. */
  readonly statistics = { walks: 0, requests: 0, told: 0, used: 0 };

  constructor(options: WalksOptions) {
    this.#options = options;
    this.#contents = new SmallContents(options.lz4);
  }

  /** The content of a node, if it came. */
  contentOf(node: Node): ReadableContent | undefined {
    const content = this.#contents.of(node);
    if (content === undefined) return undefined;
    const key = inodeKey(node.attr);
    this.#use(`content ${key}`);
    if (!content.isKept) this.#options.keeper?.add(pathOf(node), content.bytes);
    content.isKept = true;
    return content;
  }

  /** A program lists a directory. `isTold`: all names are known. */
  listed(node: Node, isTold: boolean): void {
    this.#use(inodeKey(node.attr));
    this.#go(node, this.#recognizer.listed(node, isTold));
  }

  /** A program looks a name up. `isTold`: it was known. */
  lookedUp(directory: Node, isTold: boolean): void {
    if (this.#walks.size > 0) this.#use(inodeKey(directory.attr));
    if (!isTold) this.#go(directory, this.#recognizer.missed(directory));
  }

  /** A program opens a file to read it. `isTold`: its content is known. */
  opened(node: Node, isTold: boolean): void {
    const { size } = node.attr;
    if (isTold || !node.isRegular || size === 0 || size > MAX_DATA) return;
    this.#go(node, this.#recognizer.opened(node));
  }

  #go(at: Node, wanted: WalkWanted | undefined): void {
    if (wanted === undefined) return;
    const walk = this.#covering(at, wanted.contents);
    if (walk === undefined) return this.#begin(wanted);
    if (walk.call !== undefined || walk.told - walk.used > MAX_UNUSED) return;
    // Several at a time walk through it, or in an order of their own: the more of it is told the better. Or it is no walk.
    if (walk.used >= walk.told * WORTH) this.#grow(walk);
    else if (++walk.strayed > MAX_STRAYED) return this.#giveUp(walk);
    this.#ask(walk, wanted.from);
  }

  /** A walk that is going to tell of what is missing, sooner or later. */
  #covering(at: Node, contents: boolean): Walk | undefined {
    for (let node: Node | undefined = at; node !== undefined; node = node.places[0]?.parent) {
      for (const walk of this.#walks) {
        if (!walk.ended && walk.wanted.top === node && (!contents || walk.wanted.contents)) return walk;
      }
    }
    return undefined;
  }

  #begin(wanted: WalkWanted): void {
    const walk: Walk = {
      ...{ number: this.#next++, wanted, budget: wanted.contents ? FIRST_CONTENTS : FIRST, call: undefined, asOf: 0 },
      ...{ ended: false, told: 0, used: 0, stretch: 0, strayed: 0 },
      ...{ weights: new Map(), names: new Map(), numbers: new Map(), seen: new Set() },
    };
    this.#walks.add(walk);
    this.statistics.walks++;
    const what = `${wanted.breadth ? "level by level" : "in depth"}, ${wanted.contents ? "with" : "without"} contents`;
    log.debug(`walk ${walk.number} through "${toText(pathOf(wanted.top))}" ${what}`);
    this.#ask(walk, wanted.from);
    const [oldest] = this.#walks;
    if (this.#walks.size > MAX_WALKS) this.#giveUp(oldest);
  }

  /** `from`: where the program is, if that is not where it was expected. */
  #ask(walk: Walk, from: readonly bigint[]): void {
    const { connection, tree } = this.#options;
    const { wanted, number, budget } = walk;
    let dir: number;
    try {
      dir = tree.directories.number(wanted.top);
    } catch {
      // It was removed.
      return this.#giveUp(walk);
    }
    walk.asOf = performance.now();
    walk.stretch = 0;
    this.statistics.requests++;
    const parts = new WalkParts((records, bytes) => this.#receive(walk, { records, bytes }));
    let failure: unknown;
    const onPiece = (piece: Uint8Array) => {
      try {
        parts.take(piece);
      } catch (error) {
        failure = error;
        call.cancel();
      }
    };
    const packed = this.#options.lz4 !== undefined;
    const body = encodeWalk({ walk: number, dir, budget, packed, ...wanted, from });
    const call = connection.call(FileOp.WALK, body, { onPiece, maxReply: maxWalkReply(budget) });
    walk.call = call;
    call.reply.then(() => this.#paused(walk), (error) => {
      log.debug(`a walk ends: ${failure ?? error}`);
      this.#giveUp(walk);
    });
  }

  #receive(walk: Walk, { records, bytes }: { records: readonly PackRecord[]; bytes: number }): void {
    if (!this.#walks.has(walk)) return;
    this.statistics.told += bytes;
    this.#weigh(walk, records, bytes);
    this.#options.tree.startPack.receive(records, {
      asOf: walk.asOf,
      seen: walk.seen,
      onData: (record) => this.#contents.take(record),
    });
    if (records.at(-1)?.kind === "end") walk.ended = true;
  }

  /** Notes what each directory and each content took to tell. */
  #weigh(walk: Walk, records: readonly PackRecord[], bytes: number): void {
    let rest = bytes;
    for (const record of records) if (record.kind === "data") rest -= record.bytes.length;
    const each = rest / records.length;
    for (const record of records) {
      const key = record.kind === "data" ? `content ${inodeKey(record.stat)}` : this.#directoryOf(walk, record);
      if (key === undefined) continue;
      const weight = record.kind === "data" ? record.bytes.length : each;
      walk.weights.set(key, (walk.weights.get(key) ?? 0) + weight);
      walk.told += weight;
      walk.stretch += weight;
    }
  }

  /** The inode of the directory that a record is about. */
  #directoryOf({ names, numbers }: Walk, record: PackRecord): string | undefined {
    if (record.kind === "entry" && record.found !== undefined && isDirectory(record.found.stat)) {
      names.set(`${record.dir}/${record.name}`, inodeKey(record.found.stat));
    } else if (record.kind === "directory") {
      const name = `${record.parent}/${record.name}`;
      const key = names.get(name);
      if (key !== undefined) numbers.set(record.dir, key);
      names.delete(name);
    } else if (record.kind === "begin") {
      const node = this.#options.tree.directories.byNumber(record.dir);
      if (node !== undefined) numbers.set(record.dir, inodeKey(node.attr));
    }
    return numbers.get(record.dir);
  }

  #use(key: string): void {
    for (const walk of this.#walks) {
      const weight = walk.weights.get(key);
      if (weight === undefined) continue;
      walk.weights.delete(key);
      walk.used += weight;
      this.statistics.used += weight;
      this.#goOn(walk);
    }
  }

  /** As far as was asked for, it has told all. */
  #paused(walk: Walk): void {
    walk.call = undefined;
    if (!this.#walks.has(walk)) return;
    log.debug(
      `walk ${walk.number}: ${Math.round(walk.used)} of ${Math.round(walk.told)} used${walk.ended ? ", all told" : ""}`,
    );
    if (!walk.ended) return this.#goOn(walk);
    const { told, used, wanted, seen } = walk;
    this.#recognizer.ended(wanted, { isGood: used * 2 >= told });
    this.#options.tree.startPack.settle(seen, { drop: false });
  }

  #goOn(walk: Walk): void {
    if (walk.call !== undefined || walk.ended || (walk.told - walk.used) * 2 > walk.stretch) return;
    this.#grow(walk);
    this.#ask(walk, []);
  }

  #grow(walk: Walk): void {
    walk.budget = Math.min(walk.budget * GROWTH, walk.wanted.contents ? LONGEST_CONTENTS : LONGEST);
  }

  #giveUp(walk: Walk): void {
    if (!this.#walks.delete(walk)) return;
    walk.call?.cancel();
    this.#recognizer.ended(walk.wanted, { isGood: walk.used * 2 >= walk.told });
    this.#options.tree.startPack.settle(walk.seen, { drop: true });
  }
}

function isDirectory({ mode }: { mode: number }): boolean {
  return (mode & 0o170000) === 0o040000;
}
