import assert from "node:assert/strict";
import { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../lib/linux/mod.ts";
import { differences } from "../conformance/differences.ts";
import type { Calls, FileFacts } from "../conformance/os.ts";
import { startHands } from "./support/hands.ts";
import { pick, Random } from "../fuzz/choices.ts";
import type { Arena, Suite } from "./support/suite.ts";

const PROCESSES = 4;
const NAMES = ["a", "b", "c", "d", "a/x", "a/y", "b/x", "b/y", "a/x/deep", "\xff\xfe"] as const;
const LARGEST = 60_000;
const [KEEP_SIZE, PUNCH_HOLE] = [1, 2];
const [NOREPLACE, EXCHANGE] = [1, 2];
type Operation = (os: Calls, random: Random) => Promise<unknown>;

/** What a file is, without its inode's number and, as local file systems differ from folder to folder, a folder's size. */
function comparable(facts: FileFacts | number): unknown {
  if (typeof facts === "number") return facts;
  const { ino: _, size, ...rest } = facts;
  return facts.type === "d" ? rest : { ...rest, size };
}

/** Opens, acts, closes; what all of it gave. */
async function onFile(os: Calls, [name, flags]: [string, number], act: (fd: number) => Promise<unknown>) {
  // Who opens a fifo does not wait for its other end.
  const fd = await os.open(name, flags | O_NONBLOCK, 0o644);
  return fd < 0 ? fd : [await act(fd), comparable(await os.fstat(fd)), await os.close(fd)];
}

const operations: Readonly<Record<string, Operation>> = {
  write: (os, random) =>
    onFile(os, [pick(random, NAMES), O_WRONLY | O_CREAT | pick(random, [0, 0, O_TRUNC, O_APPEND, O_EXCL])], (fd) => {
      const [offset, size, seed] = [LARGEST, LARGEST, 1 << 30].map((limit) => random.below(limit));
      return os.fill(fd, { offset, size, seed });
    }),
  read: (os, random) => onFile(os, [pick(random, NAMES), O_RDONLY], (fd) => os.digest(fd, 1 + random.below(LARGEST))),
  mkdir: (os, random) => os.mkdir(pick(random, NAMES), 0o755),
  rmdir: (os, random) => os.rmdir(pick(random, NAMES)),
  unlink: (os, random) => os.unlink(pick(random, NAMES)),
  rename: (os, random) =>
    os.rename(pick(random, NAMES), pick(random, NAMES), pick(random, [0, 0, 0, NOREPLACE, EXCHANGE])),
  link: (os, random) => os.link(pick(random, NAMES), pick(random, NAMES)),
  symlink: (os, random) => os.symlink(pick(random, NAMES), pick(random, NAMES)),
  fifo: (os, random) => os.mknod(pick(random, NAMES), 0o010644),
  truncate: (os, random) => os.truncate(pick(random, NAMES), random.below(2 * LARGEST)),
  punch: (os, random) =>
    onFile(os, [pick(random, NAMES), O_RDWR], (fd) => {
      const range = { offset: random.below(LARGEST), length: 1 + random.below(LARGEST) };
      return os.fallocate(fd, pick(random, [0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE]), range);
    }),
  chmod: (os, random) => os.chmod(pick(random, NAMES), 0o600 + random.below(0o200)),
  chown: (os, random) => os.lchown(pick(random, NAMES), random.below(1000), random.below(1000)),
  setTimes: (os, random) => {
    const [atime, mtime] = [random, random].map((it) => `${1 + it.below(1e9)}`);
    return os.setTimes(pick(random, NAMES), { atime, mtime, follow: false });
  },
  setxattr: (os, random) => os.lsetxattr(pick(random, NAMES), `user.${random.below(3)}`, "v".repeat(random.below(100))),
  removexattr: (os, random) => os.removexattr(pick(random, NAMES), `user.${random.below(3)}`),
  list: (os, random) => os.list(pick(random, [".", ...NAMES])),
  stat: async (os, random) => comparable(await os.stat(pick(random, NAMES))),
  lstat: async (os, random) => comparable(await os.lstat(pick(random, NAMES))),
  readlink: (os, random) => os.readlink(pick(random, NAMES)),
};

/** One process's operations in its current folder, a line each with what they gave. */
async function act(os: Calls, { seed, count }: { seed: number; count: number }): Promise<string[]> {
  const random = new Random(seed);
  const lines: string[] = [];
  while (lines.length < count) {
    const name = pick(random, Object.keys(operations));
    lines.push(`${lines.length} ${name}: ${JSON.stringify(await operations[name](os, random))}`);
  }
  return lines;
}

function same(what: string, actual: string[], expected: string[]): void {
  assert.equal(
    actual.join("\n") === expected.join("\n"),
    true,
    `${what}:\n${differences(actual, expected).join("\n")}`,
  );
}

/** What fsstress does, for machines that do not have it; and answers are compared, not trees alone. */
export const randomTrees: Suite = {
  what: `${PROCESSES} processes make, change and remove files at random, and get the same answers and trees as here`,
  async run({ there, folder, budget: { operations: count, seeds } }: Arena) {
    await using hands = await startHands({ there, folder, count: PROCESSES });
    const [local] = hands.here;
    await local.umask(0);
    for (const seed of seeds) {
      const played: { lines: string[][]; tree: string[] }[] = [];
      for (const side of ["here", "there"] as const) {
        const top = `${folder}/${side}-${seed}`;
        const folders = Array.from({ length: PROCESSES }, (_, index) => `${top}/${index}`);
        for (const path of [top, ...folders]) assert.equal(await local.mkdir(path, 0o777), 0);
        await Promise.all(hands[side].map((actor, index) => hands.enter(actor, folders[index])));
        const lines = await Promise.all(
          hands[side].map((actor, index) => act(actor, { seed: seed * PROCESSES + index, count })),
        );
        for (const actor of hands[side]) await actor.chdir(folder);
        played.push({ lines, tree: await local.describe(top) });
      }
      const [expected, actual] = played;
      for (const [index, lines] of actual.lines.entries()) same(`process ${index}`, lines, expected.lines[index]);
      same("the tree", actual.tree, expected.tree);
    }
    return `${PROCESSES} times ${count} operations each with the seeds ${seeds}`;
  },
};
