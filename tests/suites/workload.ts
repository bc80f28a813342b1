import assert from "node:assert/strict";
import { same } from "../e2e/support/mod.ts";
import { type Arena, findProgram, type Suite } from "./support/suite.ts";

const TIMEOUT_MS = 3 * 60_000;

/** A script of `sh` that a Debian package's program is put to work by. */
interface Workload {
  readonly what: string;
  /** Its program, which is also the package's name. */
  readonly program: string;
  readonly script: string;
}

/** A suite that runs a script here and there, and compares status, output and all files. */
export function workload({ what, program, script }: Workload): Suite {
  return {
    what,
    absent: () =>
      findProgram(program, program.toUpperCase()) === undefined
        ? `not on this machine; install Debian's package ${program}`
        : undefined,
    async run({ there }: Arena) {
      const { status, text, stderr } = await same(there, `set -e\n${script}`, { timeoutMs: TIMEOUT_MS });
      assert.equal(status, 0, text + stderr);
      return text.trim().replaceAll("\n", "; ");
    },
  };
}
