import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Plan } from "../../../lib/prefetch/plan.ts";
import { rules as allRules } from "../../../lib/prefetch/registry.ts";
import type { Rule } from "../../../lib/prefetch/rule.ts";
import type { MemoryDisk } from "./memory_disk.ts";
import { makeElf } from "./elf_bytes.ts";

export interface PlannedOptions {
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** All, unless given. */
  readonly rules?: readonly Rule[];
  readonly limit?: number;
}

/** The wants of a command, as "content /bin/true", the working directory's name left out. Fails where a rule does. */
export function planned(disk: MemoryDisk, argv: readonly string[], options: PlannedOptions = {}): string[] {
  const complaints: string[] = [];
  const cwd = options.cwd ?? "/";
  const plan = new Plan({
    disk,
    rules: options.rules ?? allRules,
    limit: options.limit ?? 1000,
    deadline: 1,
    now: () => 0,
    log: { debug: (text) => complaints.push(text) },
  });
  plan.start({
    path: fromText(argv[0]),
    argv: argv.map(fromText),
    env: (options.env ?? []).map(fromText),
    cwd: fromText(cwd),
  });
  assert.deepEqual(complaints.filter((text) => text.includes("failed")), []);
  const wants = plan.wants.map(({ kind, path }) => `${kind} ${path}`);
  return wants[0] === `name ${cwd}` ? wants.slice(1) : wants;
}

/** A dynamically linked executable whose loader and C library are there, in `/lib64`. */
export function withProgram(disk: MemoryDisk, path: string, options: Parameters<typeof makeElf>[0] = {}): MemoryDisk {
  const interpreter = "/lib64/ld-linux-x86-64.so.2";
  return disk
    .executable(path, makeElf({ interpreter, needed: ["libc.so.6"], ...options }))
    .file(interpreter, makeElf({ soname: "ld-linux-x86-64.so.2" }))
    .file("/lib64/libc.so.6", makeElf({ soname: "libc.so.6" }));
}

/** Fails unless all of `wants` are in `plan`, in this order. */
export function assertInOrder(plan: readonly string[], wants: readonly string[]): void {
  let at = 0;
  for (const want of wants) {
    const found = plan.indexOf(want, at);
    assert.ok(
      found >= 0,
      `"${want}" is not in the plan after "${wants[wants.indexOf(want) - 1]}":\n${plan.join("\n")}`,
    );
    at = found + 1;
  }
}
