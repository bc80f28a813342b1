import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { MAX_WANTS, type StoredWant } from "../../../lib/prefetch/trace_file.ts";
import { mergeWants, rebaseWants } from "../../../lib/prefetch/trace_merge.ts";
import type { Want } from "../../../lib/prefetch/want.ts";

const bytes = (text: string) => text as ByteString;
const wants = (...paths: string[]): Want[] => paths.map((path) => ({ kind: "name", path: bytes(path) }));
const shown = (merged: readonly StoredWant[]) => merged.map(({ path, unused }) => `${path} ${unused}`);

Deno.test("mergeWants() keeps the order of the run, then what earlier ones touched", () => {
  const first = mergeWants([], wants("/a", "/b", "/c"));
  assert.deepEqual(shown(first), ["/a 0", "/b 0", "/c 0"]);
  assert.deepEqual(shown(mergeWants(first, wants("/d", "/c"))), ["/d 0", "/c 0", "/a 1", "/b 1"]);
});

Deno.test("mergeWants() forgets what three runs in a row have not touched", () => {
  let merged = mergeWants([], wants("/always", "/once"));
  for (const expected of [["/always 0", "/once 1"], ["/always 0", "/once 2"], ["/always 0"]]) {
    merged = mergeWants(merged, wants("/always"));
    assert.deepEqual(shown(merged), expected);
  }
});

Deno.test("mergeWants() keeps both of two behaviours that take turns", () => {
  let merged: StoredWant[] = [];
  for (let run = 0; run < 10; run++) merged = mergeWants(merged, run % 2 === 0 ? wants("/a", "/b") : wants("/c"));
  assert.deepEqual(shown(merged), ["/c 0", "/a 1", "/b 1"]);
});

Deno.test("mergeWants() takes each want once, each kind for itself", () => {
  const run: Want[] = [...wants("/a", "/a"), { kind: "content", path: bytes("/a") }, ...wants("/a")];
  assert.deepEqual(mergeWants(mergeWants([], run), run).map(({ kind }) => kind), ["name", "content"]);
});

Deno.test("mergeWants() drops malformed wants and those beyond the limit", () => {
  const bad = [...wants("a", "/a/../b", "/a\0b", ""), { kind: "spell", path: "/a" } as unknown as Want];
  assert.deepEqual(shown(mergeWants([], [...bad, ...wants("/a")])), ["/a 0"]);
  const many = wants(...Array.from({ length: MAX_WANTS + 1 }, (_, i) => `/${i}`));
  assert.equal(mergeWants(mergeWants([], wants("/old")), many).length, MAX_WANTS);
});

function rebase(paths: string[], { from, to, existing = [], folders = ["/usr/bin"] }: {
  from: string;
  to: string;
  existing?: string[];
  folders?: string[];
}): string[] {
  const trace = { cwd: bytes(from), programFolders: folders.map(bytes), wants: mergeWants([], wants(...paths)) };
  return rebaseWants(trace, bytes(to), (path) => existing.includes(path)).map(({ path }) => path);
}

Deno.test("rebaseWants() moves what is below the old directory below the new one, if it is there", () => {
  const paths = ["/usr/lib/x", "/src/one", "/src/two/three", "/src", "/workshop"];
  assert.deepEqual(rebase(paths, { from: "/src", to: "/home", existing: ["/home", "/home/two/three"] }), [
    "/usr/lib/x",
    "/home/two/three",
    "/home",
    "/workshop",
  ]);
  assert.deepEqual(rebase(["/src/one", "/src"], { from: "/src", to: "/", existing: ["/", "/one"] }), ["/one", "/"]);
  assert.deepEqual(rebase(paths, { from: "/src", to: "/src" }), paths);
});

Deno.test("rebaseWants() leaves the program where it is", () => {
  const paths = ["/src/tool/lib", "/src/data", "/lib/x"];
  const outside = { from: "/src", to: "/home", folders: ["/usr/bin", "/usr/share/tool"] };
  assert.deepEqual(rebase(["/usr/share/tool/x", ...paths], outside), ["/usr/share/tool/x", "/lib/x"]);
  assert.deepEqual(rebase(paths, { from: "/src", to: "/home", folders: ["/src/tool"] }), paths, "it is below");
  assert.deepEqual(rebase(paths, { from: "/", to: "/home" }), paths, "all is below /");
  const inProgram = { from: "/opt/tool/share", to: "/home", folders: ["/opt/tool"] };
  assert.deepEqual(rebase(["/opt/tool/share/x"], inProgram), ["/opt/tool/share/x"]);
});

Deno.test("rebaseWants() makes no path that is too long", () => {
  const to = `/${"y".repeat(2000)}`;
  const name = `/${"x".repeat(2500)}`;
  assert.deepEqual(rebase([`/src${name}`], { from: "/src", to, existing: [to + name] }), []);
});
