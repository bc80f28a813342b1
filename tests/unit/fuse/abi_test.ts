import assert from "node:assert/strict";
import * as abi from "../../../lib/fuse/abi.ts";

type Table = Readonly<Record<string, number>>;

const structures: [string, Table][] = Object.entries(abi as unknown as Record<string, Table>)
  .filter(([, table]) => typeof table === "object" && "sizeof" in table);

Deno.test("every structure has the kernel's size", () => {
  assert.deepEqual(Object.fromEntries(structures.map(([name, { sizeof }]) => [name, sizeof])), {
    fuse_access_in: 8,
    fuse_attr: 88,
    fuse_attr_out: 104,
    fuse_batch_forget_in: 8,
    fuse_copy_file_range_in: 56,
    fuse_copy_file_range_out: 8,
    fuse_create_in: 16,
    fuse_dirent: 24,
    fuse_direntplus: 152,
    fuse_entry_out: 128,
    fuse_fallocate_in: 32,
    fuse_file_lock: 24,
    fuse_flush_in: 24,
    fuse_forget_in: 8,
    fuse_forget_one: 16,
    fuse_fsync_in: 16,
    fuse_getattr_in: 16,
    fuse_getxattr_in: 8,
    fuse_getxattr_out: 8,
    fuse_in_header: 40,
    fuse_init_in: 64,
    fuse_init_out: 64,
    fuse_interrupt_in: 8,
    fuse_kstatfs: 80,
    fuse_link_in: 8,
    fuse_lk_in: 48,
    fuse_lk_out: 24,
    fuse_lseek_in: 24,
    fuse_lseek_out: 8,
    fuse_mkdir_in: 8,
    fuse_mknod_in: 16,
    fuse_notify_delete_out: 24,
    fuse_notify_inval_entry_out: 16,
    fuse_notify_inval_inode_out: 24,
    fuse_notify_store_out: 24,
    fuse_open_in: 8,
    fuse_open_out: 16,
    fuse_out_header: 16,
    fuse_read_in: 40,
    fuse_release_in: 24,
    fuse_rename2_in: 16,
    fuse_rename_in: 8,
    fuse_setattr_in: 88,
    fuse_setxattr_in: 16,
    fuse_statx: 256,
    fuse_statx_in: 24,
    fuse_statx_out: 288,
    fuse_sx_time: 16,
    fuse_write_in: 40,
    fuse_write_out: 8,
  });
});

/** Compiles a C file that prints `name value` lines; undefined without a compiler or the kernel's header. */
function ask(expressions: Map<string, string>): Table | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    const lines = [...expressions].map(([name, value]) => `printf("${name} %lld\\n", (long long)(${value}));`);
    const source = `#include <linux/fuse.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void){${
      lines.join("\n")
    }}`;
    Deno.writeTextFileSync(`${folder}/ask.c`, source);
    const args = ["-o", `${folder}/ask`, `${folder}/ask.c`];
    const compiled = new Deno.Command("cc", { args, stderr: "inherit" }).outputSync();
    if (!compiled.success) throw new Error("Cannot compile the questions");
    const { stdout } = new Deno.Command(`${folder}/ask`).outputSync();
    const answers = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split(" "));
    return Object.fromEntries(answers.map(([name, value]) => [name, Number(value)]));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const header = "/usr/include/linux/fuse.h";
/** Newer than the headers that distributions install. */
const newer = ["backing_id", "FUSE_HAS_EXPIRE_ONLY", "FUSE_DIRECT_IO_ALLOW_MMAP", "FUSE_STATX"];

/** What the C compiler is to be asked, and our answers: of each name that the installed header has. */
function questions(): { expressions: Map<string, string>; ours: Table } {
  const text = Deno.readTextFileSync(header);
  const expressions = new Map<string, string>();
  const ours: Record<string, number> = {};
  const add = (name: string, expression: string, value: number) => {
    if (!new RegExp(`\\b${name.replace(/.*\./, "")}\\b`).test(text)) return;
    expressions.set(name, expression);
    ours[name] = value;
  };
  for (const [structure, { sizeof, ...offsets }] of structures) {
    if (!text.includes(`struct ${structure} {`)) continue;
    add(structure, `sizeof(struct ${structure})`, sizeof);
    for (const [field, offset] of Object.entries(offsets)) {
      if (field === "sizeofBefore36" || newer.includes(field)) continue;
      add(`${structure}.${field}`, `offsetof(struct ${structure}, ${field})`, offset);
    }
  }
  for (const table of [abi.Opcode, abi.NotifyCode]) {
    for (const [name, value] of Object.entries(table)) add(name, name, value);
  }
  for (const [name, value] of Object.entries(abi.InitFlag)) add(name, `(unsigned)${name}`, value >>> 0);
  for (const [name, value] of Object.entries(abi.InitFlag2)) add(name, `${name} >> 32`, value);
  for (const [name, value] of Object.entries(abi)) {
    const same = typeof value === "number" && name !== "FUSE_KERNEL_MINOR_VERSION";
    if (same) add(name, name, value);
  }
  return { expressions, ours };
}

Deno.test({
  name: "every offset and constant is the one in the installed linux/fuse.h",
  ignore: !exists(header) || !["/usr/bin/cc", "/usr/local/bin/cc"].some(exists),
  fn() {
    const { expressions, ours } = questions();
    assert.ok(expressions.size > 200, `${expressions.size} questions`);
    assert.deepEqual(ask(expressions), ours);
  },
});

Deno.test("opcodeName() names what it knows and counts what it does not", () => {
  assert.equal(abi.opcodeName(1), "FUSE_LOOKUP");
  assert.equal(abi.opcodeName(999), "opcode 999");
});
