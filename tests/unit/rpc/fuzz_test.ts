import assert from "node:assert/strict";
import { type Connection, ProtocolError } from "../../../lib/rpc/mod.ts";
import { Random } from "../../fuzz/choices.ts";
import { answer } from "../../fuzz/frames.ts";
import { concat, connection, drain, output, pattern } from "./pair.ts";

const ROUNDS = 3000;
const room = new Uint8Array(256 * 1024);
/** More than one piece. */
const large = pattern(75_000);

/** The same start for both ends: streams open, calls of every sort made, some cancelled. */
function prepare(): Connection {
  const end = connection({ request: answer });
  for (const id of [0, 1]) {
    const stream = end.stream(id, { interactive: id === 0, onData: (bytes) => stream.consumed(bytes.length) });
    stream.send(pattern(3000));
    if (id === 1) stream.end();
  }
  for (let op = 0; op < 12; op++) {
    const data = op % 2 === 0 ? undefined : op === 7 ? large : pattern(300);
    const call = end.call(op, pattern(op * 10), { data, flow: op % 3, onPiece: op % 4 === 1 ? () => {} : undefined });
    if (op > 9) call.cancel();
  }
  end.notify(3, pattern(20));
  return end;
}

/** What a well-behaved peer of prepare() sends: its own start, then its answers. */
function record(): Uint8Array {
  const [a, b] = [prepare(), prepare()];
  const parts: Uint8Array[] = [];
  for (let turns = 0; turns < 20; turns++) {
    const [toB, toA] = [output(a), output(b)];
    parts.push(toA);
    b.receive(toB);
    a.receive(toA);
    b.wake();
    a.wake();
  }
  return concat(parts);
}

/** Changes, doubles, removes or inserts bytes at a few places, mostly small numbers and near one another. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let count = random.below(4); count >= 0; count--) {
    const at = random.below(random.below(2) === 0 ? 2000 : result.length);
    const length = random.below(40);
    const [head, tail] = [result.subarray(0, at), result.subarray(at)];
    const choice = random.below(4);
    if (choice === 0) result[at] = random.below(2) === 0 ? random.below(12) : random.below(256);
    else if (choice === 1) result = concat([head, tail.subarray(length)]);
    else if (choice === 2) result = concat([head, tail.subarray(0, length), tail]);
    else result[at] ^= 1 << random.below(8);
  }
  return result;
}

/** Feeds `bytes` in pieces of any length, sending in between; returns whether it was refused. */
function feed(end: Connection, bytes: Uint8Array, random: Random): boolean {
  try {
    for (let at = 0; at < bytes.length;) {
      const length = 1 + random.below(random.below(3) === 0 ? 30 : 20_000);
      end.receive(bytes.subarray(at, at += length));
      if (random.below(2) === 0) end.fill(room);
      if (random.below(4) === 0) end.wake();
    }
    return false;
  } catch (error) {
    assert(error instanceof ProtocolError, `${error}`);
    return true;
  }
}

Deno.test("receive() takes the recorded bytes unchanged in any pieces", () => {
  const bytes = record();
  for (let seed = 0; seed < 20; seed++) {
    const end = prepare();
    drain(end);
    assert.equal(feed(end, bytes, new Random(seed)), false);
    end.close();
  }
});

Deno.test("receive() throws nothing but ProtocolError on mutated bytes, and leaves fill() and close() working", async () => {
  const bytes = record();
  const first = Date.now() % 1_000_000_000;
  console.log(`first seed ${first}`);
  let refused = 0;
  for (let seed = first; seed < first + ROUNDS; seed++) {
    const random = new Random(seed);
    const end = prepare();
    try {
      drain(end);
      if (feed(end, mutate(bytes, random), random)) refused++;
      for (let turns = 0; end.fill(room) > 0; turns++) assert(turns < 1000, "fill() goes on without end");
      end.close();
      assert.equal(end.fill(room), 0);
      // Lets go of what the round leaves behind.
      await null;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(refused > ROUNDS / 4 && refused < ROUNDS, `${refused} of ${ROUNDS} were refused`);
});
