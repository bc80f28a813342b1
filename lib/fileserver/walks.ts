/**
 * WALK's way: a walk is found by its number, or begun → whole records into a part, as many as fit a piece of the link, made
 * in the moment in which the pipe takes it → what follows waits for the next request.
 */
import { Writer } from "../bytes/mod.ts";
import { Errno, type Stat } from "../linux/mod.ts";
import { decodeWalk, type PackRecord, PART_HEADER, type WalkIn, writePackRecord } from "../protocol/mod.ts";
import { type BulkSource, NOT_READY } from "../rpc/mod.ts";
import type { BulkAnswer, Context } from "./context.ts";
import { Packing } from "./packing.ts";
import { Walk } from "./walk.ts";

/** Most walks that are remembered. */
const MAX_WALKS = 8;
/** Flows of walks: between those of handles, which are used again from 1 on, and those of FETCH. */
const FIRST_FLOW = 0x7fff_0000;
/** Most files that are remembered as opened. */
const MAX_OPENED = 1 << 16;
/** A part with more records than that is ended: another one of any length but that of a content still fits a piece. */
const PART = 1 << 15;
/** What a piece of the link holds. */
const PIECE = 1 << 16;
/** A smaller file is not worth packing. */
const MIN_PACKED = 512;
/** Bytes of a record of contents besides the content. */
const MAX_HEAD = 8192;

const packing = new Packing();

/** The agent's walks, by their numbers. */
export class Walks {
  readonly #walks = new Map<number, Walk>();
  readonly #busy = new Set<number>();
  readonly #opened = new Set<string>();

  /** The walk of this number, begun if there is none; undefined while it is being answered. */
  take(context: Context, message: WalkIn): Walk | undefined {
    if (this.#busy.has(message.walk)) return undefined;
    const known = this.#walks.get(message.walk);
    this.#walks.delete(message.walk);
    known?.moveTo(message.from);
    const walk = known ?? new Walk(context, message);
    this.#busy.add(message.walk);
    return walk;
  }

  /** It may be gone on with. */
  give(number: number, walk: Walk): void {
    this.#busy.delete(number);
    this.#walks.set(number, walk);
    if (this.#walks.size <= MAX_WALKS) return;
    const [oldest] = this.#walks.keys();
    this.#walks.get(oldest)!.close();
    this.#walks.delete(oldest);
  }

  /** It is over. */
  drop(number: number, walk: Walk): void {
    this.#busy.delete(number);
    walk.close();
  }

  /** The agent has opened a file: what it is going to read of it, it asks for. */
  opened(stat: Stat): void {
    if (this.#opened.size >= MAX_OPENED) this.#opened.clear();
    this.#opened.add(keyOf(stat));
  }

  wasOpened(stat: Stat): boolean {
    return this.#opened.has(keyOf(stat));
  }

  close(): void {
    for (const walk of this.#walks.values()) walk.close();
    this.#walks.clear();
  }
}

export function walk(context: Context, body: Uint8Array): BulkAnswer | number {
  const message = decodeWalk(body);
  const dir = context.directories.find(message.dir);
  if (dir < 0) return dir;
  const found = context.walks.take(context, message);
  if (found === undefined) return -Errno.EBUSY;
  if (message.packed) packing.prepare();
  return { flow: FIRST_FLOW + message.walk % 0x1000, source: new WalkSource(context, message, found) };
}

/** A stretch of a walk as a bulk reply. */
class WalkSource implements BulkSource {
  readonly #context: Context;
  readonly #message: WalkIn;
  readonly #walk: Walk;
  #left: number;
  /** What is left of a part that is longer than a piece. */
  #rest: Uint8Array = new Uint8Array();
  /** A content that did not fit the piece before. */
  #next: Uint8Array | undefined;
  #isOver = false;

  constructor(context: Context, message: WalkIn, walk: Walk) {
    this.#context = context;
    this.#message = message;
    this.#walk = walk;
    this.#left = message.budget;
  }

  pull(into: Uint8Array): number {
    if (this.#rest.length === 0) {
      const part = this.#isOver ? undefined : this.#makePart();
      if (part === "wait") return NOT_READY;
      if (part === undefined) return 0;
      this.#rest = part;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.walks.drop(this.#message.walk, this.#walk);
  }

  /** The next part; undefined at the end, and "wait" while nothing is to be had. */
  #makePart(): Uint8Array | "wait" | undefined {
    const records = new Writer(PIECE);
    let isWaiting = false;
    while (records.length < PART && this.#left > 0) {
      const record = this.#next ?? this.#encodeNext();
      this.#next = undefined;
      isWaiting = record === "wait";
      if (record === "wait" || record === undefined) break;
      if (records.length > 0 && PART_HEADER + records.length + record.length > PIECE) {
        this.#next = record;
        break;
      }
      records.bytes(record);
      this.#left -= record.length;
    }
    if (records.length === 0 && isWaiting) return "wait";
    if (records.length === 0) {
      this.#isOver = true;
      this.#context.walks.give(this.#message.walk, this.#walk);
      return undefined;
    }
    const part = records.finish();
    packing.sent(part.length);
    return new Writer(PART_HEADER + part.length).u32(part.length).bytes(part).finish();
  }

  #encodeNext(): Uint8Array | "wait" | undefined {
    const record = this.#walk.next();
    if (record === undefined || record === "wait") return record;
    const isData = record.kind === "data";
    return writePackRecord(new Writer(isData ? record.bytes.length + MAX_HEAD : 200), this.#pack(record)).finish();
  }

  #pack(record: PackRecord): PackRecord {
    if (record.kind !== "data" || !this.#message.packed || record.bytes.length < MIN_PACKED) return record;
    return { ...record, bytes: packing.pack(record.bytes) ?? record.bytes };
  }
}

function keyOf({ dev, ino }: Stat): string {
  return `${dev}:${ino}`;
}
