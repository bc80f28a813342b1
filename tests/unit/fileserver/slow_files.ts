/**
 * Run by slow_test.ts beside a file system with files that take a second (see tests/unit/fuse/fixture.ts): asks for these
 * and, at once, for the root's attributes. Prints what was answered, in order, and how many questions the file system had
 * to answer at the same time.
 *
 * @module
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  ANY_INODE,
  encodeName,
  encodeReadDir,
  encodeRef,
  encodeWrite,
  FileOp,
  LOGGED,
  ROOT_DIRECTORY as ROOT,
} from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDWR } from "./fixture.ts";

const [root] = Deno.args;
using fixture = new Fixture({ root: fromText(root), tell: () => {}, waitsHere: false });
let answered: string[] = [];

async function ask(what: string, op: number, body: Uint8Array): Promise<void> {
  await fixture.askLater(op, body);
  answered.push(what);
}

/** Asks for all of these, and then for what takes no time. */
async function order(...questions: [what: string, op: number, body: Uint8Array][]): Promise<string[]> {
  answered = [];
  const slow = questions.map((question) => ask(...question));
  await ask("root", FileOp.GETATTR, encodeRef({ kind: "directory", dir: ROOT }));
  await Promise.all(slow);
  return answered;
}

/** The most questions that waited for an answer together, until `done`. */
async function mostPending(done: Promise<unknown>): Promise<number> {
  let [most, isDone] = [0, false];
  done.finally(() => isDone = true);
  while (!isDone) {
    most = Math.max(most, JSON.parse(await Deno.readTextFile(`${root}/state`)).pending);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return most;
}

const lookup = (name: string) => [name, FileOp.LOOKUP, encodeName({ dir: ROOT, name: fromText(name) })] as const;
const listing = ["listing", FileOp.READDIR, encodeReadDir({ dir: ROOT, cookie: 0n, budget: 4096 })] as const;
const lookups = order([...lookup("late0")], [...lookup("late1")]);
const lookupsPending = await mostPending(lookups);
const list = order([...listing]);
const listPending = await mostPending(list);
const { dev } = fixture.lookup(ROOT, "late0");
fixture.open(1, { kind: "name", dir: ROOT, name: fromText("slow"), dev, ino: ANY_INODE }, O_RDWR);
const write = new Uint8Array([...encodeWrite({ fh: 1, offset: 0 }), 65]);
// The first is waited for: that it takes long is not known before.
fixture.ask(FileOp.WRITE, write);
const writes = await order(["write", FileOp.WRITE, write], ["write behind", FileOp.WRITE | LOGGED, write]);
console.log(JSON.stringify({
  ...{ lookups: await lookups, lookupsPending, list: await list, listPending, writes },
}));
// A thread waits for changes, of which there are none.
Deno.exit();
