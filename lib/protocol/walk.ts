import { DecodeError, Writer } from "../bytes/mod.ts";
import { whole } from "./file.ts";

/** Asks for what a command that walks through a tree of directories is going to ask for, as records of a start pack. */
export interface WalkIn {
  /** The agent's number of the walk. One that the local side knows goes on where it was, or at the end of `from`. */
  readonly walk: number;
  /** The directory at the top. What is in there is known already, but for its directories. */
  readonly dir: number;
  /** Bytes to be told; the last record may go beyond. */
  readonly budget: number;
  /** Level by level; otherwise a directory's own before those beside it. */
  readonly breadth: boolean;
  /** Contents of small files, too. */
  readonly contents: boolean;
  /** They may be packed. */
  readonly packed: boolean;
  /** Where the command is: inode numbers of a directory in the top, one in that, and so on. What comes after it is told first. */
  readonly from: readonly bigint[];
}

/** Most bytes of one WALK. */
export const MAX_WALK = 1 << 22;
/** Most directories between the top and where the command is. */
const MAX_DEPTH = 64;
const Flag = { BREADTH: 1, CONTENTS: 2, PACKED: 4, ALL: 7 } as const;

/** u32 walk, u32 dir, u32 budget, u8 flags (1 breadth, 2 contents, 4 packed), u8 count, u64 ino each. */
export function encodeWalk(message: WalkIn): Uint8Array {
  const { walk, dir, budget, breadth, contents, packed } = message;
  const flags = (breadth ? Flag.BREADTH : 0) | (contents ? Flag.CONTENTS : 0) | (packed ? Flag.PACKED : 0);
  const from = message.from.slice(0, MAX_DEPTH);
  const to = new Writer(16 + from.length * 8).u32(walk).u32(dir).u32(budget).u8(flags).u8(from.length);
  for (const ino of from) to.u64(ino);
  return to.finish();
}

export function decodeWalk(body: Uint8Array): WalkIn {
  return whole(body, (from) => {
    const [walk, dir, budget, flags, count] = [from.u32(), from.u32(), from.u32(), from.u8(), from.u8()];
    if (budget > MAX_WALK) throw new DecodeError(`Cannot decode a walk: ${budget} bytes at once`);
    if ((flags & ~Flag.ALL) !== 0 || count > MAX_DEPTH) {
      throw new DecodeError(`Cannot decode a walk: ${flags}, ${count}`);
    }
    return {
      walk,
      dir,
      budget,
      breadth: (flags & Flag.BREADTH) !== 0,
      contents: (flags & Flag.CONTENTS) !== 0,
      packed: (flags & Flag.PACKED) !== 0,
      from: Array.from({ length: count }, () => from.u64()),
    };
  });
}

/**
 * The answer to WALK comes in parts: u32 length, then so many bytes of records. All records of a part were made in one
 * moment and leave together, so that news of a change never overtake what they make out of date; only contents, which are
 * checked by attributes, may make a part longer than a piece of the link.
 */
export const PART_HEADER = 4;
/** Most bytes of a part, its header left out: a small file's content, and a name and attributes of any length. */
export const MAX_PART = (1 << 17) + 10_000;

/** Most bytes of the answer to WALK. */
export function maxWalkReply(budget: number): number {
  // A part may be as short as its header and a record of one byte; those of the local side are not.
  return budget + Math.ceil(budget / 8) + 2 * MAX_PART;
}
