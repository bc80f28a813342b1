import assert from "node:assert/strict";
import { readElf, type ReadRange } from "../../../lib/prefetch/elf/elf_file.ts";
import { damaged, makeElf } from "./elf_bytes.ts";

/** As a disk reads: nothing beyond the end. */
function reader(data: Uint8Array): ReadRange {
  return (offset, length) =>
    offset < data.length ? data.slice(offset, Math.min(offset + length, data.length)) : new Uint8Array(0);
}

const full = {
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  needed: ["libm.so.6", "libc.so.6"],
  soname: "libthis.so.1",
  runpath: "$ORIGIN/../lib",
  symbols: ["setlocale"],
};

/** A 32-bit executable for i386, byte by byte: a header and one PT_INTERP. */
// deno-fmt-ignore
const literal = Uint8Array.of(
  0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, // e_ident: ELFCLASS32, ELFDATA2LSB
  2, 0, 3, 0, 1, 0, 0, 0, // e_type ET_EXEC, e_machine EM_386, e_version
  0, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, // e_entry, e_phoff, e_shoff
  0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0, // e_flags, e_ehsize, e_phentsize, e_phnum, sections
  3, 0, 0, 0, 84, 0, 0, 0, 84, 0, 0, 0, 84, 0, 0, 0, // PT_INTERP, p_offset, p_vaddr, p_paddr
  8, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, // p_filesz, p_memsz, p_flags, p_align
  0x2f, 0x6c, 0x64, 0x2e, 0x73, 0x6f, 0x2e, 0, // "/ld.so."
);

Deno.test("readElf() reads a 32-bit header byte by byte", () => {
  const elf = readElf(reader(literal));
  assert.equal(elf?.bits, 32);
  assert.equal(elf?.machine, 3);
  assert.equal(elf?.interpreter, "/ld.so.");
  assert.deepEqual(elf?.needed, []);
});

for (const bits of [32, 64] as const) {
  Deno.test(`readElf() reads what the loader needs of a ${bits}-bit file`, () => {
    const elf = readElf(reader(makeElf({ ...full, bits, machine: 183, flags: 0x800 })));
    assert.equal(elf?.bits, bits);
    assert.equal(elf?.machine, 183);
    assert.equal(elf?.interpreter, full.interpreter);
    assert.deepEqual(elf?.needed, full.needed);
    assert.equal(elf?.soname, full.soname);
    assert.equal(elf?.runpath, full.runpath);
    assert.equal(elf?.noDefaultLibraries, true);
    assert.ok(elf?.strings.has("setlocale"));
    assert.ok(!elf?.strings.has("locale"));
  });
}

Deno.test("readElf() heeds DT_RPATH only where there is no DT_RUNPATH", () => {
  assert.equal(readElf(reader(makeElf({ rpath: "/a" })))?.rpath, "/a");
  const both = readElf(reader(makeElf({ rpath: "/a", runpath: "/b" })));
  assert.equal(both?.rpath, undefined);
  assert.equal(both?.runpath, "/b");
});

Deno.test("readElf() takes nothing for an ELF file that is none", () => {
  const bigEndian = makeElf();
  bigEndian[5] = 2;
  const noClass = makeElf();
  noClass[4] = 3;
  for (const data of [new Uint8Array(0), new TextEncoder().encode("#!/bin/sh\n".repeat(20)), bigEndian, noClass]) {
    assert.equal(readElf(reader(data)), undefined);
  }
  assert.equal(readElf(() => undefined), undefined);
});

Deno.test("readElf() reads damaged files without throwing, and never much at once", () => {
  for (const bits of [32, 64] as const) {
    for (const data of damaged(makeElf({ ...full, bits }), 0x480)) {
      const read: ReadRange = (offset, length) => {
        assert.ok(length <= 1 << 24, `${length} bytes asked for at ${offset}`);
        return reader(data)(offset, length);
      };
      const elf = readElf(read);
      elf?.strings.has("x");
      assert.ok((elf?.needed.length ?? 0) < 5000);
    }
  }
});
