import assert from "node:assert/strict";
import { elfRule } from "../../../lib/prefetch/rules/elf.ts";
import { makeCache, makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned, type PlannedOptions } from "./planned.ts";

const interpreter = "/lib64/ld-linux-x86-64.so.2";
const library = (soname: string, options: Parameters<typeof makeElf>[0] = {}) => makeElf({ soname, ...options });

/** A disk with a loader, a C library in the cache, and /bin/p that is linked as `options` say. */
function disk(
  options: Parameters<typeof makeElf>[0],
  cached: { name: string; path: string; hwcap?: bigint }[] = [],
): MemoryDisk {
  return new MemoryDisk()
    .executable("/bin/p", makeElf({ interpreter, ...options }))
    .file(interpreter, library("ld-linux-x86-64.so.2"))
    .file("/lib/libc.so.6", library("libc.so.6"))
    .file("/etc/ld.so.cache", makeCache([{ name: "libc.so.6", path: "/lib/libc.so.6" }, ...cached]));
}

const plan = (disk: MemoryDisk, options: PlannedOptions = {}) =>
  planned(disk, ["/bin/p"], { rules: [elfRule], ...options });

Deno.test("elf: executable, loader, preload list, cache and libraries are wanted in that order", () => {
  assert.deepEqual(plan(disk({ needed: ["libc.so.6"] })), [
    "content /bin/p",
    `content ${interpreter}`,
    "name /etc/ld.so.preload",
    "content /etc/ld.so.cache",
    "content /lib/libc.so.6",
  ]);
});

Deno.test("elf: a static executable wants itself alone", () => {
  const disk = new MemoryDisk().executable("/bin/p", makeElf());
  assert.deepEqual(plan(disk), ["content /bin/p"]);
});

Deno.test("elf: a loader that is missing is wanted by name, and ends it", () => {
  const disk = new MemoryDisk().executable("/bin/p", makeElf({ interpreter: "/lib64/ld.so", needed: ["liba.so"] }));
  assert.deepEqual(plan(disk), ["content /bin/p", "name /lib64"]);
});

Deno.test("elf: libraries come breadth first, each once, in a circle as well", () => {
  const cached = ["liba.so", "libb.so", "libd.so"].map((name) => ({ name, path: `/lib/${name}` }));
  const files = disk({ needed: ["liba.so", "libb.so", "libc.so.6"] }, cached)
    .file("/lib/liba.so", library("liba.so", { needed: ["libd.so", "libc.so.6"] }))
    .file("/lib/libb.so", library("libb.so", { needed: ["liba.so"] }))
    .file("/lib/libd.so", library("libd.so", { needed: ["libb.so", "libd.so", "ld-linux-x86-64.so.2"] }));
  const expected = ["liba.so", "libb.so", "libc.so.6", "libd.so"].map((name) => `content /lib/${name}`);
  assert.deepEqual(plan(files).slice(4), expected);
});

Deno.test("elf: a library that is loaded is known by its DT_SONAME and by its path", () => {
  const files = disk({ needed: ["/opt/liba-1.so", "liba.so", "libother.so"], runpath: "/opt" })
    .file("/opt/liba-1.so", library("liba.so"))
    .link("/opt/libother.so", "liba-1.so");
  assertInOrder(plan(files), ["content /opt/liba-1.so", "content /opt/libother.so"]);
  assert.ok(!plan(files).some((want) => want.endsWith("/liba.so")));
});

Deno.test("elf: search folders are tried in order, with the folders for certain machines that do not exist", () => {
  const files = disk({ needed: ["liba.so"], runpath: "/one:/two:/three" })
    .file("/one/other", "")
    .file("/three/liba.so", library("liba.so"));
  assert.deepEqual(plan(files).slice(3), [
    "name /one/glibc-hwcaps",
    "name /one/tls",
    "name /one/haswell",
    "name /one/avx512_1",
    "name /one/x86_64",
    "name /one/liba.so",
    "name /two",
    "name /three/glibc-hwcaps",
    "name /three/tls",
    "name /three/haswell",
    "name /three/avx512_1",
    "name /three/x86_64",
    "content /three/liba.so",
  ]);
});

Deno.test("elf: a better build that exists is wanted too, by folder and by cache", () => {
  const files = disk({ needed: ["liba.so", "libb.so"], runpath: "/one" }, [
    { name: "libb.so", path: "/lib/glibc-hwcaps/x86-64-v3/libb.so", hwcap: 1n << 62n },
    { name: "libb.so", path: "/lib/libb.so" },
  ])
    .file("/one/glibc-hwcaps/x86-64-v3/liba.so", library("liba.so"))
    .file("/one/liba.so", library("liba.so"))
    .file("/lib/glibc-hwcaps/x86-64-v3/libb.so", library("libb.so"))
    .file("/lib/libb.so", library("libb.so"));
  assertInOrder(plan(files), [
    "name /one/glibc-hwcaps/x86-64-v4",
    "content /one/glibc-hwcaps/x86-64-v3/liba.so",
    "name /one/glibc-hwcaps/x86-64-v2",
    "content /one/liba.so",
    "content /lib/glibc-hwcaps/x86-64-v3/libb.so",
    "content /lib/libb.so",
  ]);
});

Deno.test("elf: DT_RPATH comes before LD_LIBRARY_PATH and is inherited, DT_RUNPATH after it and is not", () => {
  const env = ["LD_LIBRARY_PATH=/env"];
  const files = (kind: "rpath" | "runpath") =>
    disk({ needed: ["liba.so"], [kind]: "/own" })
      .file("/own/liba.so", library("liba.so", { needed: ["libb.so"] }))
      .file("/own/libb.so", library("libb.so"))
      .file("/env/libb.so", library("libb.so"));
  const rpath = plan(files("rpath"), { env });
  assertInOrder(rpath, ["content /own/liba.so", "content /own/libb.so"]);
  assert.ok(!rpath.some((want) => want.includes("/env")));
  assertInOrder(plan(files("runpath"), { env }), ["name /env/liba.so", "content /own/liba.so", "content /env/libb.so"]);
});

Deno.test("elf: what led to an object with a DT_RUNPATH does not count for it", () => {
  const files = disk({ needed: ["liba.so"], rpath: "/own" })
    .file("/own/liba.so", library("liba.so", { needed: ["libb.so"], runpath: "/other" }))
    .file("/own/libb.so", library("libb.so"))
    .file("/other/libb.so", library("libb.so"));
  const wants = plan(files);
  assert.ok(wants.includes("content /other/libb.so"));
  assert.ok(!wants.includes("content /own/libb.so"));
});

Deno.test("elf: an entry of LD_LIBRARY_PATH that is empty is the working directory", () => {
  const files = disk({ needed: ["liba.so"] }).file("/src/liba.so", library("liba.so"));
  assert.ok(plan(files, { env: ["LD_LIBRARY_PATH=/x:"], cwd: "/src" }).includes("content /src/liba.so"));
});

Deno.test("elf: $ORIGIN, $LIB and $PLATFORM stand for the real folder, the loader's and the machine", () => {
  const files = disk({
    needed: ["liba.so", "libb.so", "libd.so"],
    runpath: "$ORIGIN/../lib:/opt/${LIB}:/opt/$PLATFORM:$ORIGINAL",
  })
    .link("/bin/link", "/srv/app/bin/p")
    .executable(
      "/srv/app/bin/p",
      makeElf({
        interpreter,
        needed: ["liba.so", "libb.so", "libd.so"],
        runpath: "$ORIGIN/../lib:/opt/${LIB}:/opt/$PLATFORM",
      }),
    )
    .file("/srv/app/lib/liba.so", library("liba.so"))
    .file("/opt/lib64/libb.so", library("libb.so"))
    .file("/opt/x86_64/libd.so", library("libd.so"));
  const wants = planned(files, ["/bin/link"], { rules: [elfRule] });
  assertInOrder(wants, ["content /srv/app/lib/liba.so", "content /opt/lib64/libb.so", "content /opt/x86_64/libd.so"]);
  assert.ok(plan(files).includes("name /$ORIGINAL"));
});

Deno.test("elf: what is preloaded comes first, by the environment and by the list", () => {
  const files = disk({ needed: ["libc.so.6"] })
    .file("/etc/ld.so.preload", "/opt/listed.so # a comment\n")
    .file("/opt/given.so", library("given.so"))
    .file("/opt/listed.so", library("listed.so", { needed: ["liblate.so"], runpath: "/opt" }))
    .file("/opt/liblate.so", library("liblate.so"));
  assertInOrder(plan(files, { env: ["LD_PRELOAD=/opt/given.so"] }), [
    "content /opt/given.so",
    "content /etc/ld.so.preload",
    "content /opt/listed.so",
    "content /lib/libc.so.6",
    "content /opt/liblate.so",
  ]);
});

Deno.test("elf: a library for another machine is passed over", () => {
  const files = disk({ needed: ["liba.so", "libb.so"], runpath: "/one:/two" }, [
    { name: "libb.so", path: "/32/libb.so" },
    { name: "libb.so", path: "/64/libb.so" },
  ])
    .file("/one/liba.so", library("liba.so", { bits: 32, machine: 3 }))
    .file("/two/liba.so", library("liba.so"))
    .file("/32/libb.so", library("libb.so", { bits: 32, machine: 3 }))
    .file("/64/libb.so", library("libb.so"));
  const wants = plan(files);
  assertInOrder(wants, ["content /one/liba.so", "content /two/liba.so", "content /64/libb.so"]);
  assert.ok(!wants.some((want) => want.includes("/32/")), "an entry of the cache is judged by its flags");
});

Deno.test("elf: without a cache the loader's own folder and the usual ones are searched", () => {
  const files = new MemoryDisk()
    .executable("/bin/p", makeElf({ interpreter, needed: ["liba.so", "libgone.so"] }))
    .link(interpreter, "/usr/lib/x86_64-linux-gnu/ld.so")
    .file("/usr/lib/x86_64-linux-gnu/ld.so", library("ld-linux-x86-64.so.2"))
    .directory("/etc")
    .directory("/lib/x86_64-linux-gnu")
    .file("/usr/lib/x86_64-linux-gnu/liba.so", library("liba.so"));
  const wants = plan(files);
  assertInOrder(wants, [
    "name /etc/ld.so.cache",
    "name /lib/x86_64-linux-gnu/liba.so",
    "content /usr/lib/x86_64-linux-gnu/liba.so",
  ]);
  assertInOrder(wants, [
    "name /usr/lib/x86_64-linux-gnu/libgone.so",
    "name /lib/libgone.so",
    "name /usr/lib/libgone.so",
  ]);
});

Deno.test("elf: DF_1_NODEFLIB keeps the default folders out", () => {
  const files = disk({ needed: ["liba.so", "libc.so.6", "libgone.so"], flags: 0x800 }, [{
    name: "liba.so",
    path: "/lib64/liba.so",
  }])
    .file("/lib64/liba.so", library("liba.so"));
  const wants = plan(files);
  assert.ok(wants.includes("content /lib/libc.so.6"), "what the cache has from elsewhere is taken");
  assert.deepEqual(wants.filter((want) => /libgone|liba\.so/.test(want)), []);
});

Deno.test("elf: musl's loader searches its own way", () => {
  const musl = "/lib/ld-musl-x86_64.so.1";
  const files = new MemoryDisk()
    .executable(
      "/bin/p",
      makeElf({
        interpreter: musl,
        needed: ["liba.so", "libc.musl-x86_64.so.1", "libm.so.6", "libb.so"],
        rpath: "/own",
      }),
    )
    .file(musl, library("ld-musl-x86_64.so.1"))
    .file("/etc/ld-musl-x86_64.path", "/first\n/second\n")
    .file("/own/liba.so", library("liba.so", { needed: ["libd.so"] }))
    .file("/own/libd.so", library("libd.so"))
    .directory("/env")
    .file("/second/libb.so", library("libb.so"));
  assert.deepEqual(plan(files, { env: ["LD_LIBRARY_PATH=/env"] }).slice(2), [
    "name /env/liba.so",
    "content /own/liba.so",
    "name /env/libb.so",
    "name /own/libb.so",
    "content /etc/ld-musl-x86_64.path",
    "name /first",
    "content /second/libb.so",
    "name /env/libd.so",
    "content /own/libd.so",
  ]);
});
