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
      const argv = [findProgram("fsx", "FSX")!, "-q", "-N", `${operations}`, "-S", `${seed}`];
      for (const [name, machine] of Object.entries({ here, there })) {
        const { status, text, stderr } = await machine.run([...argv, name], { cwd, timeoutMs: TIMEOUT_MS });
        assert.equal(status, 0, `${name}, seed ${seed}: ${text}${stderr}`);
      }
      // Its operations are the seed's alone, so both leave the same file.
      const { status, text } = await here.run(["cmp", "here", "there"], { cwd });
      assert.equal(status, 0, `seed ${seed}: ${text}`);
    }
    return `${operations} operations each with the seeds ${seeds}`;
  },
};
