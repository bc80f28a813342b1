import assert from "node:assert/strict";
import { here } from "../e2e/support/mod.ts";
import { type Arena, findProgram, type Suite } from "./support/suite.ts";

const TIMEOUT_MS = 3 * 60_000;
const jobs: Readonly<Record<string, readonly string[]>> = {
  sequential: ["--rw=write", "--bs=64k", "--ioengine=psync", "--end_fsync=1"],
  random: ["--rw=randwrite", "--bsrange=512-32k", "--bs_unaligned=1", "--ioengine=psync"],
  synchronous: ["--rw=randwrite", "--bs=4k", "--ioengine=psync", "--fsync=16", "--io_size=512k"],
  mapped: ["--rw=randwrite", "--bs=4k", "--ioengine=mmap"],
  direct: ["--rw=randwrite", "--bs=4k", "--ioengine=libaio", "--iodepth=8", "--direct=1", "--io_size=1m"],
  four: ["--rw=randwrite", "--bs=8k", "--ioengine=psync", "--numjobs=4", "--offset_increment=2m"],
};
/** The size is of each job; the seed makes a later run expect the same blocks. */
const common = ["--size=2m", "--verify=crc32c", "--verify_fatal=1", "--randseed=7", "--verify_state_save=0"];

/** Blocks with checksums, by several ways to write: fio reads them again there, and once more here. */
export const fio: Suite = {
  what: "what is written in any order and by any way is read again, here and there",
  absent: () =>
    findProgram("fio", "FIO") === undefined ? "not on this machine; install Debian's package fio" : undefined,
  async run({ there, folder: cwd }: Arena) {
    for (const [name, options] of Object.entries(jobs)) {
      const argv = [findProgram("fio", "FIO")!, `--name=${name}`, `--filename=${name}`, ...common, ...options];
      const written = await there.run(argv, { cwd, timeoutMs: TIMEOUT_MS });
      assert.equal(written.status, 0, written.text + written.stderr);
      const read = await here.run([...argv, "--verify_only=1"], { cwd, timeoutMs: TIMEOUT_MS });
      assert.equal(read.status, 0, read.text + read.stderr);
    }
    return Object.keys(jobs).join(", ");
  },
};
