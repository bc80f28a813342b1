import assert from "node:assert/strict";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { CachedDisk } from "../../../lib/prefetch/cached_disk.ts";
import { LocalDisk } from "../../../lib/prefetch/local_disk.ts";
import { Plan } from "../../../lib/prefetch/plan.ts";
import { elfRule } from "../../../lib/prefetch/rules/elf.ts";

// Loaded once for the process: no leak of a test's.
bindNow();

/** Programs with few libraries, many, and those that they find their own way. Some are everywhere. */
const programs = [
  "/bin/sh",
  "/bin/ls",
  "/usr/bin/ffmpeg",
  "/usr/bin/gcc",
  "/usr/bin/git",
  "/usr/bin/java",
  "/usr/bin/node",
  "/usr/bin/perl",
  "/usr/bin/python3",
  "/usr/bin/ssh",
];

/** The libraries that the loader itself says it would load. */
function askLoader(program: string, disk: CachedDisk): string[] {
  const { success, stdout } = new Deno.Command("ldd", { args: [program], clearEnv: true }).outputSync();
  assert.ok(success, `ldd ${program}`);
  const found = [...new TextDecoder().decode(stdout).matchAll(/=> (\/\S+) \(/g)];
  return found.map(([, path]) => disk.normalize(fromText(path))).sort();
}

/** Those that the plan has. */
function plannedLibraries(program: ByteString, disk: LocalDisk): string[] {
  const log = { debug: (text: string) => assert.fail(text) };
  const plan = new Plan({ disk, rules: [elfRule], limit: 5000, deadline: 1, now: () => 0, log });
  plan.start({ path: program, argv: [program], env: [], cwd: fromText("/") });
  const contents = plan.wants.filter(({ kind }) => kind === "content").map(({ path }) => path);
  // The executable and its loader come first; the cache is no library.
  return contents.slice(2).filter((path) => path !== "/etc/ld.so.cache").sort();
}

for (const program of programs) {
  const exists = new LocalDisk().stat(fromText(program)) !== undefined;
  Deno.test({
    name: `elf: the libraries of ${program} are those that its loader names`,
    ignore: !exists,
    fn() {
      using disk = new LocalDisk();
      const cached = new CachedDisk(disk);
      // Asked about a link, ldd takes the link's folder for $ORIGIN; executed, the program has its own.
      const real = cached.realPath(fromText(program))!;
      assert.deepEqual(plannedLibraries(real, disk), askLoader(real, cached));
    },
  });
}
