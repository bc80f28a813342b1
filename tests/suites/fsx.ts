import assert from "node:assert/strict";
import { here } from "../e2e/support/mod.ts";
import { type Arena, findProgram, type Suite } from "./support/suite.ts";

const TIMEOUT_MS = 60 * 60_000;
/** One file, read, written, mapped, cut and punched at random, against a copy in memory. */
export const fsx: Suite = {
  what: "a file is what it should be after each of many operations",
  absent: () =>
    findProgram("fsx", "FSX") === undefined
      ? "not on this machine; build ltp/fsx of xfstests and set FSX to its file"
      : undefined,
  async run({ there, folder: cwd, budget: { operations, seeds } }: Arena) {
    for (const seed of seeds) {
      const name = `seed-${seed}`;
      const argv = [findProgram("fsx", "FSX")!, "-q", "-N", `${operations}`, "-S", `${seed}`, name];
      const command = ["sh", "-c", '"$@" && sha256sum "$0"', name, ...argv];
      const { status, text, stderr } = await there.run(command, { cwd, timeoutMs: TIMEOUT_MS });
      assert.equal(status, 0, `seed ${seed}: ${text}${stderr}`);
      // The same seed leaves another file here, where the file system has operations that no FUSE file system has.
      const local = await here.run(["sha256sum", name], { cwd });
      assert.equal(
        text.split("\n").at(-2),
        local.text.trimEnd(),
        `seed ${seed}: the local disk has what the command saw`,
      );
    }
    return `${operations} operations each with the seeds ${seeds}`;
  },
};
