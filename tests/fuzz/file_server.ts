import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fromText } from "../../lib/bytes/mod.ts";
import { createFileServer, type FileServer, prepareProcess } from "../../lib/fileserver/mod.ts";
import {
  AgentNote,
  decodeChanged,
  decodeLookupOut,
  decodeName,
  decodePage,
  decodeReadDir,
  encodeBind,
  encodeName,
  encodeOpen,
  FileNote,
  FileOp,
  ROOT_DIRECTORY,
} from "../../lib/protocol/mod.ts";
import { type BulkSource, type Incoming, NOT_READY } from "../../lib/rpc/mod.ts";
import { O_RDWR } from "../../lib/linux/mod.ts";
import { AgentRequests, type Knowledge, type Message } from "./agent_requests.ts";
import { once, type Random, Script } from "./choices.ts";
import { mutate } from "./mutate.ts";
import { CANARY, Prison } from "./prison.ts";
import type { Input, Target } from "./target.ts";

const MESSAGES = 150;
/** Bytes of decisions of one message. */
const SCRIPT = 64;
/** No request may keep the thread so long, whatever it is about. */
const BUSY_MS = 30_000;
/** Until everything is answered after close(). */
const SETTLE_MS = 60_000;
/** Most rounds of a process in which changes are watched. */
const MAX_WATCHED = 20;
const EPROTO = 71;
const LIMITS = { maxDirectories: 6, maxHandles: 5 };
/** Directories, handles, streams of listings, and owners of locks: two for each of five numbers on five files. */
const MAX_DESCRIPTORS = 6 + 5 + 32 + 25;

/**
 * The real file server on a real tree. A message is decisions, of which a request is made that fits what is there, so
 * that an input means the same whatever numbers its inodes have.
 */
export function fileServer({ asUser }: { asUser: boolean }): Target {
  let prison: Prison | undefined;
  let watched = 0;
  return {
    name: asUser ? "file server of a user" : "file server",

    generate: (random: Random) => Array.from({ length: MESSAGES }, () => random.bytes(SCRIPT)),

    async run(input) {
      if (prison === undefined) {
        prison = new Prison({ asUser });
        prepareProcess();
      }
      prison.refill();
      // Its last thread waits for events until the process ends, so not too often.
      const isWatched = watched < MAX_WATCHED && (input[0]?.[0] ?? 0) % 8 === 0;
      if (isWatched) watched++;
      const inmate = new Inmate(prison, isWatched);
      try {
        await inmate.run(input);
      } finally {
        inmate.server.close();
      }
      await inmate.settle();
      prison.checkDescriptors(0);
      prison.checkOutside();
    },
  };
}

/** A hostile agent with a file server of its own. */
class Inmate {
  readonly server: FileServer;
  readonly #prison: Prison;
  readonly #known: Knowledge = { refs: [], cookies: [] };
  readonly #requests = new AgentRequests(this.#known);
  readonly #calls: Call[] = [];
  readonly #log: string[] = [];
  #woken = Promise.withResolvers<void>();

  constructor(prison: Prison, isWatched: boolean) {
    this.#prison = prison;
    this.server = createFileServer({
      root: fromText(prison.inside),
      log: { debug: (line) => this.#log.push(line) },
      wake: () => {
        this.#woken.resolve();
        this.#woken = Promise.withResolvers();
      },
      tell: isWatched ? (op, body) => this.#told(op, body) : undefined,
      ...LIMITS,
    });
  }

  async run(input: Input): Promise<void> {
    this.#begin();
    for (const script of input) {
      const from = new Script(script);
      const message = this.#requests.next(from);
      this.#send(once(from, 10) ? { ...message, body: mutate(message.body, message.body, from) } : message);
      if (once(from, 8)) await this.#pull(once(from, 3));
      this.#prison.checkQuiet();
    }
    await this.#pull(false);
    this.#prison.checkDescriptors(MAX_DESCRIPTORS);
  }

  /** Everything is answered, once, soon after the server was closed. */
  async settle(): Promise<void> {
    for (const call of this.#calls) call.source?.cancel?.();
    const limit = performance.now() + SETTLE_MS;
    while (this.#calls.some((call) => call.answers === 0)) {
      assert.ok(performance.now() < limit, `not answered: operation ${this.#calls.find((c) => c.answers === 0)!.op}`);
      await new Promise((resolve) => setTimeout(resolve));
    }
    // Reads and syncs on other threads close theirs as they end.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
  }

  /** What every agent does first. */
  #begin(): void {
    const lookUp = (dir: number, name: string) => {
      this.#send({ isNote: false, op: FileOp.LOOKUP, body: encodeName({ dir, name: fromText(name) }) });
      return this.#known.refs[this.#known.refs.length - 1];
    };
    for (const name of ["pipe", "absolute", "many", "foreign", "proc"]) lookUp(ROOT_DIRECTORY, name);
    const { dir: parent, ...d } = lookUp(ROOT_DIRECTORY, "d");
    this.#send({ isNote: true, op: FileNote.BIND, body: encodeBind({ id: 2, parent, ...d }) });
    const files = [lookUp(2, "e"), lookUp(2, "g"), lookUp(ROOT_DIRECTORY, "f")].slice(1);
    for (const [fh, ref] of files.entries()) {
      this.#send({ isNote: false, op: FileOp.OPEN, body: encodeOpen({ ref, fh, flags: O_RDWR }) });
    }
  }

  #told(op: number, body: Uint8Array): void {
    if (op !== AgentNote.CHANGED) return;
    const { name, found } = decodeChanged(body);
    assert.notEqual(name, "secret");
    if (found !== undefined) this.#prison.checkTold(found.stat);
  }

  #send({ isNote, op, body }: Message): void {
    const logged = this.#log.length;
    const start = performance.now();
    if (isNote) {
      assert.ok(this.server.notify(op, body), `note ${op} is not one`);
    } else {
      const call = new Call(op, body);
      this.#calls.push(call);
      this.server.request(call);
      if (call.errno === EPROTO) assert.ok(this.#log.length > logged, `operation ${op} was refused without a word`);
      this.#learn(call);
    }
    const took = performance.now() - start;
    assert.ok(took < BUSY_MS, `${isNote ? "note" : "operation"} ${op} took ${took.toFixed(0)} ms`);
  }

  #learn({ op, body, answer }: Call): void {
    if (answer === undefined) return;
    if (op === FileOp.LOOKUP) {
      const { stat } = decodeLookupOut(answer);
      const { dev, ino } = stat;
      this.#prison.checkTold(stat);
      this.#known.refs.push({ kind: "name", ...decodeName(body), dev, ino });
    } else if (op === FileOp.READDIR) {
      const { dir } = decodeReadDir(body);
      for (const { name, stat, cookie } of decodePage(answer).entries) {
        if (stat !== undefined) this.#known.refs.push({ kind: "name", dir, name, dev: stat.dev, ino: stat.ino });
        this.#known.cookies.push(cookie);
      }
    }
  }

  /** Takes what reads give, all of it or the next piece. */
  async #pull(cancel: boolean): Promise<void> {
    const limit = performance.now() + BUSY_MS;
    for (const call of this.#calls) {
      if (cancel) call.source?.cancel?.();
      for (let count = 1; call.source !== undefined && count !== 0;) {
        const into = new Uint8Array(1 << 16);
        const woken = this.#woken.promise;
        count = call.source.pull(into);
        assert.ok(count <= into.length && (count >= -4095 || count === NOT_READY), `a piece of ${count} bytes`);
        assert.ok(performance.now() < limit, "a read does not end");
        if (count === NOT_READY) await woken;
        else if (count > 0) checkCanary(into.subarray(0, count));
        else count = 0;
      }
      call.source = undefined;
    }
  }
}

/** A request that looks at how it is answered. */
class Call implements Incoming {
  readonly op: number;
  readonly body: Uint8Array;
  readonly signal = new AbortController().signal;
  answers = 0;
  errno = 0;
  answer: Uint8Array | undefined;
  source: BulkSource | undefined;

  constructor(op: number, body: Uint8Array) {
    this.op = op;
    this.body = body;
  }

  reply(body: Uint8Array): void {
    this.#count();
    this.answer = body.slice();
    checkCanary(body);
  }

  replyBulk(_flow: number, source: BulkSource): void {
    this.#count();
    this.source = source;
  }

  fail(errno: number): void {
    this.#count();
    assert.ok(Number.isInteger(errno) && errno > 0 && errno < 4096, `operation ${this.op} failed with errno ${errno}`);
    this.errno = errno;
  }

  #count(): void {
    this.answers++;
    assert.equal(this.answers, 1, `operation ${this.op} is answered once`);
  }
}

function checkCanary(bytes: Uint8Array): void {
  assert.ok(!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(CANARY), "what is outside was read");
}
