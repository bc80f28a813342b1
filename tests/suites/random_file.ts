import assert from "node:assert/strict";
import { type ByteString, byteString, toBytes } from "../../lib/bytes/mod.ts";
import { O_CREAT, O_RDWR } from "../../lib/linux/mod.ts";
import { startHands } from "./support/hands.ts";
import type { Calls } from "../conformance/os.ts";
import { pattern } from "../conformance/pattern.ts";
import { pick, Random } from "../fuzz/choices.ts";
import type { Arena, Suite } from "./support/suite.ts";

const LARGEST = 300_000;
const PIECE = 40_000;
const [KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE] = [1, 2, 16];
const NAME = "file";

/** A file as it should be, beside the one that is. Every method does the same to both, or compares them. */
class ModelledFile {
  readonly #os: Calls;
  readonly #local: Calls;
  readonly #random: Random;
  readonly #bytes = new Uint8Array(LARGEST);
  #size = 0;
  #fd = -1;

  constructor(os: Calls, { local, random }: { local: Calls; random: Random }) {
    this.#os = os;
    this.#local = local;
    this.#random = random;
  }

  async open(): Promise<void> {
    this.#fd = await this.#os.open(NAME, O_RDWR | O_CREAT, 0o644);
    assert.ok(this.#fd >= 0);
  }

  /** By chance; returns what it did. */
  async step(): Promise<string> {
    const at = { offset: this.#random.below(LARGEST - 1), length: 0 };
    at.length = 1 + this.#random.below(Math.min(PIECE, LARGEST - at.offset));
    const action = pick(this.#random, Object.keys(this.#actions));
    await this.#actions[action](at);
    assert.equal(((await this.#os.fstat(this.#fd)) as { size: number }).size, this.#size, "size");
    return `${action} ${at.offset}+${at.length}`;
  }

  /** Everything, here and there. */
  async compareAll(): Promise<void> {
    await this.#sync();
    await this.#compare(0, this.#size);
  }

  readonly #actions: Readonly<Record<string, (range: Range) => Promise<void>>> = {
    read: ({ offset, length }) => this.#compare(offset, length),
    write: async ({ offset, length }) => {
      const data = pattern(this.#random.below(1 << 30), { offset, size: length });
      assert.equal(await this.#os.pwrite(this.#fd, byteString(data), offset), length);
      this.#put(offset, data);
    },
    truncate: async ({ offset }) => {
      assert.equal(await this.#os.ftruncate(this.#fd, offset), 0);
      this.#bytes.fill(0, offset);
      this.#size = offset;
    },
    punch: ({ offset, length }) => this.#clear({ offset, length }, PUNCH_HOLE | KEEP_SIZE),
    zero: async (range) => {
      await this.#clear(range, ZERO_RANGE);
      this.#size = Math.max(this.#size, range.offset + range.length);
    },
    allocate: async (range) => {
      const keep = this.#random.below(2) === 1;
      assert.equal(await this.#os.fallocate(this.#fd, keep ? KEEP_SIZE : 0, range), 0);
      if (!keep) this.#size = Math.max(this.#size, range.offset + range.length);
    },
    copy: async ({ offset, length }) => {
      const toOffset = this.#random.below(LARGEST - length);
      const left = Math.max(0, Math.min(length, this.#size - offset));
      // The call refuses ranges that overlap.
      if (Math.abs(toOffset - offset) < length) return;
      const copied = await this.#os.copyRange(this.#fd, this.#fd, { fromOffset: offset, toOffset, length });
      assert.ok(copied <= left && (copied > 0 || left === 0), `copied ${copied} of ${left} bytes`);
      if (copied > 0) this.#put(toOffset, this.#bytes.slice(offset, offset + copied));
    },
    peek: async ({ offset, length }) => {
      const end = Math.min(offset + length, this.#size);
      if (end <= offset) return;
      const mapping = await this.#os.map(this.#fd, { offset: 0, length: end, write: false, shared: true });
      this.#expect(await this.#os.peek(mapping, offset, end - offset), offset, end);
      await this.#os.unmap(mapping);
    },
    poke: async ({ offset, length }) => {
      const end = Math.min(offset + length, this.#size);
      if (end <= offset) return;
      const data = pattern(this.#random.below(1 << 30), { offset, size: end - offset });
      const mapping = await this.#os.map(this.#fd, { offset: 0, length: end, write: true, shared: true });
      await this.#os.poke(mapping, offset, byteString(data));
      await this.#os.unmap(mapping);
      this.#put(offset, data);
    },
    reopen: async () => {
      assert.equal(await this.#os.close(this.#fd), 0);
      await this.open();
    },
    sync: () => this.#sync(),
  };

  async #sync(): Promise<void> {
    assert.equal(await this.#os.fsync(this.#fd), 0);
    const fd = await this.#local.open(NAME, O_RDWR);
    this.#expect(await this.#local.pread(fd, LARGEST, 0), 0, this.#size);
    await this.#local.close(fd);
  }

  async #clear(range: Range, mode: number): Promise<void> {
    assert.equal(await this.#os.fallocate(this.#fd, mode, range), 0);
    this.#bytes.fill(0, range.offset, range.offset + range.length);
  }

  async #compare(offset: number, length: number): Promise<void> {
    const data = await this.#os.pread(this.#fd, length, offset);
    this.#expect(data, offset, Math.max(offset, Math.min(offset + length, this.#size)));
  }

  #put(offset: number, data: Uint8Array): void {
    this.#bytes.set(data, offset);
    this.#size = Math.max(this.#size, offset + data.length);
  }

  #expect(data: string | number, offset: number, end: number): void {
    assert.equal(typeof data, "string", `errno ${data}`);
    const actual = toBytes(data as ByteString);
    assert.equal(actual.length, end - offset, "bytes read");
    const wrong = actual.findIndex((byte, index) => byte !== this.#bytes[offset + index]);
    assert.equal(wrong, -1, `byte ${offset + wrong} is ${actual[wrong]}, not ${this.#bytes[offset + wrong]}`);
  }
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** What fsx does, for machines that do not have it. */
export const randomFile: Suite = {
  what: "a file that is read, written, mapped, cut and punched at random is as a model of it, here and there",
  async run({ there, folder, budget: { operations, seeds } }: Arena) {
    await using hands = await startHands({ there, folder, count: 1 });
    for (const seed of seeds) {
      const [[os], [local]] = [hands.there, hands.here];
      await local.mkdir(`${seed}`, 0o777);
      for (const actor of [local, os]) await hands.enter(actor, `${folder}/${seed}`);
      const file = new ModelledFile(os, { local, random: new Random(seed) });
      await file.open();
      const done: string[] = [];
      try {
        for (let count = 0; count < operations; count++) done.push(await file.step());
        await file.compareAll();
      } catch (error) {
        const last = [`seed ${seed}, operation ${done.length}, after:`, ...done.slice(-10)].join("\n  ");
        throw new Error(`${(error as Error).message}\n${last}`, { cause: error });
      }
      for (const actor of [local, os]) await actor.chdir(folder);
    }
    return `${operations} operations each with the seeds ${seeds}`;
  },
};
