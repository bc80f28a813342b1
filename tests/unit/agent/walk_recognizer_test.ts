/** Which requests show a walk, and which do not. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Node, Nodes, pathOf } from "../../../lib/agent/nodes.ts";
import { WalkRecognizer, type WalkWanted } from "../../../lib/agent/walk_recognizer.ts";
import type { Stat } from "../../../lib/linux/mod.ts";

function stat(ino: bigint, mode = 0o040755): Stat {
  const times = { atime: 1, mtime: 1, ctime: 1, btime: 1, atimeNsec: 0, mtimeNsec: 0, ctimeNsec: 0, btimeNsec: 0 };
  return { dev: 1, ino, mode, ...times, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 1, blocks: 8, blksize: 4096 };
}

/** Nodes by their paths. */
class Paths {
  readonly #nodes = new Nodes(stat(1n));
  #ino = 1n;

  /** A file's name has a dot. */
  get(path: string): Node {
    let node = this.#nodes.root;
    for (const name of path.split("/").filter((name) => name !== "")) {
      const mode = name.includes(".") ? 0o100644 : 0o040755;
      const found = () => this.#nodes.enter(node, name as ByteString, { stat: stat(++this.#ino, mode) });
      node = node.children.get(name as ByteString) ?? found();
    }
    return node;
  }
}

function shown(wanted: WalkWanted | undefined): string | undefined {
  return wanted &&
    `${pathOf(wanted.top)}${wanted.contents ? " with contents" : ""}${wanted.breadth ? " by level" : ""}`;
}

/** What comes of each step: a `what path` a line; "known" where it was told. */
function play(...steps: string[]): (string | undefined)[] {
  const paths = new Paths();
  const recognizer = new WalkRecognizer();
  return steps.map((step) => {
    const [what, path, known] = step.split(" ");
    const node = paths.get(path);
    switch (what) {
      case "list":
        return shown(recognizer.listed(node, known === "known"));
      case "miss":
        return shown(recognizer.missed(node));
      case "open":
        return shown(recognizer.opened(node));
    }
    throw new Error(`Cannot play "${step}"`);
  });
}

Deno.test("listing a directory and one in it is a walk through the outer one", () => {
  assert.deepEqual(play("list /w/a", "list /w/a/b"), [undefined, "/w/a"]);
});

Deno.test("a walk's top is the highest directory that was listed without a gap, but never the root", () => {
  assert.deepEqual(play("list /", "list /w known", "list /w/a known", "list /w/a/b")[3], "/w");
  assert.deepEqual(play("list /w", "list /w/a/b", "list /w/a/b/c"), [undefined, undefined, "/w/a/b"]);
  assert.deepEqual(play("list /", "list /w"), [undefined, undefined]);
});

Deno.test("what is known shows nothing that is missing", () => {
  assert.deepEqual(play("list /w", "list /w/a known"), [undefined, undefined]);
});

Deno.test("listing directories beside each other is none", () => {
  assert.deepEqual(play("list /w/a", "list /w/b", "list /w/c"), [undefined, undefined, undefined]);
});

Deno.test("looking into one directory after the other is a walk, sooner where their parent was listed", () => {
  const others = ["miss /w/t/a", "miss /w/t/b", "miss /w/t/c", "miss /w/t/d"];
  assert.deepEqual(play(...others), [undefined, undefined, undefined, "/w/t"]);
  assert.deepEqual(play("list /w/t", ...others.slice(0, 2)), [undefined, undefined, "/w/t"]);
  assert.deepEqual(play(...Array(9).fill("miss /w/t/a")), Array(9).fill(undefined), "one directory is not several");
});

Deno.test("looking into one place as into the one before is a walk through both", () => {
  const first = ["a", "b", "c", "d"].map((name) => `miss /w/t/d0/${name}`);
  const second = ["a", "b"].map((name) => `miss /w/t/d1/${name}`);
  assert.deepEqual(play(...first, ...second).slice(3), ["/w/t/d0", undefined, "/w/t"]);
});

Deno.test("what lies in directories below the root does not belong together, unless it was listed", () => {
  const misses = ["a", "b", "c", "d", "e"].map((name) => `miss /usr/${name}`);
  assert.deepEqual(play(...misses), Array(5).fill(undefined));
  assert.equal(play("list /usr", ...misses).findLast((wanted) => wanted), "/usr");
  const opens = Array.from({ length: 20 }, (_, i) => `open /etc/${i}.x`);
  assert.deepEqual(play(...opens), Array(20).fill(undefined));
});

Deno.test("opening small files one after the other is a walk with contents, sooner where they were listed", () => {
  const opens = Array.from({ length: 8 }, (_, i) => `open /w/t/${i}.c`);
  assert.deepEqual(play(...opens), [...Array(7).fill(undefined), "/w/t with contents"]);
  assert.deepEqual(play("list /w/t", ...opens.slice(0, 2)), [undefined, undefined, "/w/t with contents"]);
  const spread = play("list /w", "list /w/a", "list /w/b", "open /w/a/1.c", "open /w/b/2.c");
  assert.deepEqual(spread.slice(3), [undefined, "/w with contents"], "one in each directory");
});

Deno.test("opening small files in directories that are looked into one after the other is a walk through all of them", () => {
  const dirs = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const misses = dirs.slice(0, 4).map((dir) => `miss /w/t/${dir}`);
  const opens = dirs.map((dir) => `open /w/t/${dir}/1.o`);
  assert.deepEqual(play(...misses, ...opens).slice(4), [...Array(7).fill(undefined), "/w/t with contents"]);
  assert.deepEqual(play(...opens), Array(8).fill(undefined), "one file in each is nothing");
});

Deno.test("opening small files in one place as in the one before is a walk through both", () => {
  const first = Array.from({ length: 9 }, (_, i) => `open /w/t/a/${i}.c`);
  const second = ["open /w/t/b/1.c", "open /w/t/b/2.c"];
  const wanted = play(...first, ...second).slice(7);
  assert.deepEqual(wanted, ["/w/t/a with contents", "/w/t/a with contents", undefined, "/w/t with contents"]);
});

Deno.test("listing several directories before anything in them is a walk by level", () => {
  const siblings = ["a", "b", "c"].map((name) => `list /w/${name} known`);
  assert.deepEqual(play("list /w", ...siblings, "list /w/d").at(-1), "/w by level");
  assert.deepEqual(play("list /w", ...siblings, "list /w/a/x known", "list /w/d").at(-1), "/w");
});

Deno.test("a place where walks were told in vain is not walked through a third time", () => {
  const paths = new Paths();
  const recognizer = new WalkRecognizer();
  recognizer.listed(paths.get("/w"), true);
  const wanted = () => recognizer.listed(paths.get("/w/a"), false);
  for (const isGood of [false, true, false, false]) recognizer.ended(wanted()!, { isGood });
  assert.equal(wanted(), undefined);
});

Deno.test("a walk is told where the program is", () => {
  const paths = new Paths();
  const recognizer = new WalkRecognizer();
  for (const path of ["/w", "/w/a", "/w/a/b"]) recognizer.listed(paths.get(path), true);
  const inos = ["/w/a", "/w/a/b", "/w/a/b/c"].map((path) => paths.get(path).attr.ino);
  assert.deepEqual(recognizer.listed(paths.get("/w/a/b/c"), false)?.from, inos);
});
