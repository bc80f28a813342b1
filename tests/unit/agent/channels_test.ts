import assert from "node:assert/strict";
import { Channels } from "../../../lib/agent/channels.ts";
import { toText } from "../../../lib/bytes/mod.ts";
import { bindNow, Poller } from "../../../lib/linux/mod.ts";
import { AgentOp, decodeChannel, encodeNumber } from "../../../lib/protocol/mod.ts";
import { RpcError, type SendChannel } from "../../../lib/rpc/mod.ts";
import { connect, drain, type Pair, pattern, sourceOf } from "../rpc/pair.ts";

// Loaded here, not in a test, where it would count as a leak.
bindNow();

interface Fixture {
  readonly pair: Pair;
  readonly channels: Channels;
  readonly folder: string;
  readonly broken: string[];
  readonly ended: number[];
  readonly poller: Poller;
  /** Asks for a channel. */
  open(id: number): Promise<{ path: string; secret: Uint8Array; sender: SendChannel }>;
}

/** `pair.a` is the local side, which has a file of 100 KiB for every request. */
async function withChannels(test: (fixture: Fixture) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const [broken, ended]: [string[], number[]] = [[], []];
  const poller = new Poller();
  const pair = connect({
    a: { request: (call) => call.replyBulk(1, sourceOf(pattern(100 * 1024)), { isMovable: true }) },
    b: { request: (call) => channels.open(call) },
  });
  const onBroken = (why: string) => void broken.push(why);
  const channels = new Channels({ poller, connection: pair.b, folder, onBroken });
  const open = async (id: number) => {
    const sender = pair.a.sendChannel(id, { onPending() {}, onLeft: () => void ended.push(id) });
    const { reply } = pair.a.call(AgentOp.CHANNEL, encodeNumber(id));
    pair.pump();
    const { path, secret } = decodeChannel(await reply);
    return { path: toText(path), secret, sender };
  };
  try {
    await test({ pair, channels, folder, broken, ended, poller, open });
  } finally {
    channels.close();
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await Deno.remove(folder);
  }
}

Deno.test("a channel is a fifo for its owner alone, whose name goes when the secret has come", async () => {
  await withChannels(async ({ pair, folder, ended, poller, open }) => {
    const { path, secret, sender } = await open(1);
    const info = Deno.statSync(path);
    assert.deepEqual([info.isFifo, info.mode! & 0o777, path.startsWith(folder)], [true, 0o600, true]);
    using file = Deno.openSync(path, { write: true });
    file.writeSync(secret.subarray(0, 7));
    poller.wait(0);
    assert.ok(Deno.statSync(path));
    file.writeSync(secret.subarray(7));
    poller.wait(0);
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    const { reply } = pair.b.call(1, new Uint8Array());
    pair.a.receive(drain(pair.b));
    const room = new Uint8Array(256 * 1024);
    const bytes = room.subarray(0, sender.fill(room));
    assert.ok(bytes.length > 100 * 1024);
    for (let done = 0; done < bytes.length;) {
      done += file.writeSync(bytes.subarray(done, done + 30_000));
      poller.wait(0);
    }
    assert.deepEqual(await reply, pattern(100 * 1024));
    file.close();
    poller.wait(0);
    pair.pump();
    assert.deepEqual([ended, pair.b.channels], [[1], 0]);
  });
});

Deno.test("whoever does not know the secret is not heard", async () => {
  await withChannels(async ({ pair, broken, ended, poller, open }) => {
    const { path, secret } = await open(1);
    using file = Deno.openSync(path, { write: true });
    file.writeSync(Uint8Array.from(secret, (byte, index) => index === 15 ? byte ^ 1 : byte));
    poller.wait(0);
    pair.pump();
    assert.deepEqual([ended, broken], [[1], []]);
    assert.throws(() => file.writeSync(secret), /Broken pipe/);
  });
});

Deno.test("what is no frame breaks the link", async () => {
  await withChannels(async ({ broken, poller, open }) => {
    const { path, secret } = await open(1);
    using file = Deno.openSync(path, { write: true });
    file.writeSync(Uint8Array.of(...secret, ...new Uint8Array(12)));
    poller.wait(0);
    assert.equal(broken.length, 1);
  });
});

Deno.test("a channel that the local side leaves, or for which there is no room or no folder, leaves nothing", async () => {
  await withChannels(async ({ pair, ended, folder, open }) => {
    const { sender, path } = await open(9);
    sender.leave();
    pair.pump();
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    assert.deepEqual(ended, [9]);
    for (const id of [1, 2, 3, 4]) await open(id);
    await assert.rejects(open(5), (error) => error instanceof RpcError && error.errno === 11);
    assert.equal([...Deno.readDirSync(folder)].length, 4);
    assert.deepEqual(ended, [9, 5]);
  });
});
