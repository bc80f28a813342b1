import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { decodeLoaderCache } from "../../../lib/prefetch/elf/loader_cache.ts";
import { damaged, makeCache, makeOldCache } from "./elf_bytes.ts";

/** One entry, byte by byte: `liba.so` is `/a`. */
// deno-fmt-ignore
const literal = Uint8Array.of(
  0x67, 0x6c, 0x69, 0x62, 0x63, 0x2d, 0x6c, 0x64, 0x2e, 0x73, 0x6f, 0x2e, 0x63, 0x61, 0x63, 0x68, 0x65, // "glibc-ld.so.cache"
  0x31, 0x2e, 0x31, // "1.1"
  1, 0, 0, 0, 11, 0, 0, 0, // nlibs, len_strings
  2, 0, 0, 0, 0, 0, 0, 0, // flags, padding, extension_offset
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // unused
  3, 3, 0, 0, 72, 0, 0, 0, 80, 0, 0, 0, // flags, key, value
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // osversion, hwcap
  0x6c, 0x69, 0x62, 0x61, 0x2e, 0x73, 0x6f, 0, 0x2f, 0x61, 0, // "liba.so", "/a"
);

const name = fromText("liba.so");

Deno.test("decodeLoaderCache() reads the new format byte by byte", () => {
  assert.deepEqual([...decodeLoaderCache(literal)], [[name, [{ path: "/a", flags: 0x303, special: false }]]]);
});

Deno.test("decodeLoaderCache() reads the old format, alone and before the new one", () => {
  const entries = [{ name: "liba.so", path: "/old" }, { name: "libb.so", path: "/b" }, { name: "libc.so", path: "/c" }];
  assert.equal(decodeLoaderCache(makeOldCache(entries)).get(name)?.[0].path, "/old");
  const both = makeOldCache(entries, makeCache([{ name: "liba.so", path: "/new" }]));
  assert.equal(decodeLoaderCache(both).get(name)?.[0].path, "/new");
});

Deno.test("decodeLoaderCache() keeps a name's libraries in order, and marks those for certain machines", () => {
  const libraries = decodeLoaderCache(makeCache([
    { name: "liba.so", path: "/v3/liba.so", hwcap: 1n << 62n },
    { name: "liba.so", path: "/liba.so" },
    { name: "liba.so", path: "/32/liba.so", flags: 3 },
  ])).get(name);
  assert.deepEqual(libraries?.map(({ path, special }) => [path, special]), [
    ["/v3/liba.so", true],
    ["/liba.so", false],
    ["/32/liba.so", false],
  ]);
});

Deno.test("decodeLoaderCache() leaves out what is no ELF library, has no name or no absolute path", () => {
  const entries = [{ name: "liba.so", path: "/a", flags: 0 }, { name: "", path: "/b" }, { name: "libc.so", path: "c" }];
  assert.equal(decodeLoaderCache(makeCache(entries)).size, 0);
});

Deno.test("decodeLoaderCache() reads damaged caches without throwing", () => {
  const entries = [{ name: "liba.so", path: "/a" }, { name: "libb.so", path: "/b" }];
  for (const data of damaged(makeCache(entries))) assert.ok(decodeLoaderCache(data).size <= 2);
  for (const data of damaged(makeOldCache(entries))) assert.ok(decodeLoaderCache(data).size <= 2);
  for (const data of damaged(makeOldCache(entries, makeCache(entries)))) assert.ok(decodeLoaderCache(data).size <= 2);
});
