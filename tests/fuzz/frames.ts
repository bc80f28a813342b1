import assert from "node:assert/strict";
import { encodeHeader, HEADER_SIZE, Kind, MAX_PAYLOAD } from "../../lib/rpc/frames.ts";
import {
  type Connection,
  createConnection,
  type Incoming,
  NOT_READY,
  ProtocolError,
  RpcError,
} from "../../lib/rpc/mod.ts";
import { once, pick, type Random } from "./choices.ts";
import { join, mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

const room = new Uint8Array(256 * 1024);
const kinds = Object.values(Kind);
/** Most calls to fill() that what a few hundred frames cause may need. */
const MAX_FILLS = 2000;

/** A whole connection, with calls and streams of its own under way, and a peer that says anything. */
export const frames: Target = {
  name: "rpc connection",

  generate(random) {
    const valid = Array.from({ length: 1 + random.below(40) }, () => frame(random));
    // In any order, some of them again.
    const chosen = valid.map((one) => once(random, 4) ? pick(random, valid) : one);
    return chosen.map((one) => once(random, 12) ? mutate(one, pick(random, valid), random) : one);
  },

  async run(input) {
    const end = start();
    const { calls } = end;
    let refused = false;
    for (const bytes of input) {
      // Some of it by the channel.
      refused = !receive(bytes.length % 7 === 0 ? end.receiver : end.connection, bytes);
      if (refused) break;
      if (bytes.length % 3 === 0) end.connection.fill(room);
      if (bytes.length % 2 === 0) end.sender.fill(room);
      if (bytes.length % 5 === 0) end.connection.wake();
    }
    // The same again, and nothing else, once it is broken.
    if (refused) assert.equal(receive(end.connection, new Uint8Array()), false, "a broken link takes more");
    let fills = 0;
    while (end.connection.fill(room) > 0) assert.ok(fills++ < MAX_FILLS, "fill() goes on without end");
    end.connection.close();
    assert.deepEqual([end.connection.fill(room), end.sender.fill(room), end.connection.channels], [0, 0, 0]);
    for (const error of end.errors) assert.ok(error instanceof Planned, `a fault of this side: ${error}`);
    for (const { reply } of calls) {
      await reply.catch((error) => assert.ok(error instanceof RpcError && error.errno < 4096, `${error}`));
    }
  },
};

/** What the handlers here throw, to see what becomes of it. */
class Planned extends Error {}

function start() {
  const errors: unknown[] = [];
  const connection = createConnection({
    handler: {
      request: answer,
      notify: (op) => {
        if (op === 3) throw new Planned("no");
      },
    },
    onPending: () => {},
    onError: (error) => errors.push(error),
    now: () => 0,
  });
  for (const id of [0, 1]) {
    const stream = connection.stream(id, { interactive: id === 0, onData: (bytes) => stream.consumed(bytes.length) });
    stream.send(new Uint8Array(3000));
  }
  // Numbered from 1 on.
  const calls = Array.from({ length: 6 }, (_, op) =>
    connection.call(op, new Uint8Array(op * 10), {
      data: op % 2 === 0 ? undefined : new Uint8Array(300),
      onPiece: op === 4 ? () => {} : undefined,
      maxReply: op === 5 ? 100 : undefined,
    }));
  calls[2].cancel();
  connection.fill(room);
  const sender = connection.sendChannel(1, { onPending: () => {}, onLeft: () => {} });
  const receiver = connection.receiveChannel(2, () => {});
  return { connection, errors, calls, sender, receiver };
}

/** Answers in every way there is, by the op. */
export function answer(request: Incoming): void | Promise<void> {
  let left = 5;
  const source = { pull: (into: Uint8Array) => left-- > 0 ? Math.min(into.length, 3000) : left < -3 ? 0 : NOT_READY };
  switch (request.op % 6) {
    case 0:
      return request.reply(request.body);
    case 1:
      return request.replyBulk(request.op, source, { isMovable: request.op > 6 });
    case 2:
      return request.fail(request.op);
    case 3:
      return Promise.reject(new Planned("later"));
    case 4:
      throw new Planned("now");
  }
}

/** False when it is refused as it must be. */
function receive(pipe: Pick<Connection, "receive">, bytes: Uint8Array): boolean {
  try {
    pipe.receive(bytes);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/** A frame that a peer might send: ids of what is under way, more often than others. */
function frame(random: Random): Uint8Array {
  const kind = pick(random, kinds);
  const fixed: Record<number, number> = {
    [Kind.error]: 0,
    [Kind.cancel]: 0,
    [Kind.credit]: 4,
    [Kind.end]: 0,
    [Kind.ack]: 8,
    [Kind.leave]: 0,
    [Kind.left]: 8,
  };
  const large = once(random, 10) ? MAX_PAYLOAD : 200;
  const length = fixed[kind] ?? random.below(large + 1);
  const isPiece = kind === Kind.request || kind === Kind.reply;
  const header = new Uint8Array(HEADER_SIZE);
  encodeHeader(header, 0, {
    length,
    kind,
    flags: isPiece ? random.below(4) : kind === Kind.data ? 2 * random.below(2) : 0,
    code: kind === Kind.error
      ? 1 + random.below(200)
      : isPiece && kind === Kind.request || kind === Kind.notify
      ? random.below(8)
      : 0,
    id: kind === Kind.notify ? 0 : kind === Kind.ack ? random.below(2) : random.below(8),
  });
  const payload = new Uint8Array(length);
  if (length > 0) payload[0] = random.below(256);
  return join(header, payload);
}
