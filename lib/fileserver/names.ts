import type { ByteString } from "../bytes/mod.ts";
import { S_IFLNK, S_IFMT } from "../linux/mod.ts";
import type { LookupOut } from "../protocol/mod.ts";
import { warm } from "./cold_names.ts";
import { DirectoryStream } from "./directory_stream.ts";

/** A larger directory is not listed ahead. */
const MAX_NAMES = 10_000;

/** All names in a directory (O_PATH will do) in its own order, if they can be told and are not too many. */
export function namesIn(fd: number): ByteString[] | undefined {
  const stream = fd < 0 ? fd : DirectoryStream.open(fd, 0n);
  if (typeof stream === "number") return undefined;
  try {
    return takeNames(stream);
  } finally {
    stream.close();
  }
}

function takeNames(stream: DirectoryStream): ByteString[] | undefined {
  const names: ByteString[] = [];
  while (names.length <= MAX_NAMES) {
    const next = stream.peek();
    if (typeof next === "number") return undefined;
    if (next === undefined) return names;
    names.push(next.name);
    stream.take();
  }
  return undefined;
}

/** As {@link namesIn}; threads wait for the disk, also for what there is to be known of each name. */
export async function loadNames(fd: number): Promise<ByteString[] | undefined> {
  const stream = fd < 0 ? fd : DirectoryStream.open(fd, 0n);
  if (typeof stream === "number") return undefined;
  try {
    const names = await stream.load(MAX_NAMES + 1);
    if (names.length > MAX_NAMES) return undefined;
    await warm(stream.fd, names);
    return takeNames(stream);
  } finally {
    stream.close();
  }
}

/** A link whose target could not be read. */
export function isHalf({ stat, target }: LookupOut): boolean {
  return (stat.mode & S_IFMT) === S_IFLNK && target === undefined;
}
