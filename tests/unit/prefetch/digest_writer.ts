/**
 * A session that keeps digests of files that do not exist, and checks those that it finds. Arguments: path of the table,
 * number of rounds. Says `running` after the first; its
 * exit status is 1 when a digest was wrong.
 */
import { createHash } from "node:crypto";
import type { Stat } from "../../../lib/linux/mod.ts";
import { type ChunkOfFile, DigestTable } from "../../../lib/prefetch/digest_table.ts";

/** Attributes of a file with that inode number. */
export function statOf(ino: number, changes: Partial<Stat> = {}): Stat {
  const ids = { dev: 0x8_0000_0001, ino: BigInt(ino), mode: 0o100644, nlink: 1, uid: 0, gid: 0, rdev: 0, size: ino };
  const times = { atime: 1, atimeNsec: 2, mtime: 3, mtimeNsec: 4, ctime: 5, ctimeNsec: 6, btime: 7, btimeNsec: 8 };
  return { ...ids, ...times, blocks: 0, blksize: 4096, ...changes };
}

/** Its first chunk. */
export function chunkOf(ino: number, changes: Partial<Stat> = {}): ChunkOfFile {
  return { stat: statOf(ino, changes), chunk: 0 };
}

/** What the file is said to have. */
export function digestOf(ino: number): string {
  return createHash("sha256").update(String(ino)).digest("hex");
}

if (import.meta.main) {
  const [path, rounds] = Deno.args;
  const table = new DigestTable(path);
  for (let round = 0; round < Number(rounds); round++) {
    // Few files, so that sessions meet in the same slots.
    for (let ino = 1; ino <= 50; ino++) {
      const found = table.find(chunkOf(ino), round);
      if (found !== undefined && found !== digestOf(ino)) Deno.exit(1);
      if (ino % 2 === round % 2) table.put(chunkOf(ino), { digest: digestOf(ino), day: round });
      else table.put(chunkOf(ino, { size: round }), { digest: digestOf(round), day: round });
    }
    if (round === 0) console.log("running");
  }
}
