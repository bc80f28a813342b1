import { createHash } from "node:crypto";
import type { CacheConfig } from "../config/mod.ts";
import { readFile } from "../linux/mod.ts";

/** Digits of a machine's name: it only tells a user's machines apart. */
const NAME_DIGITS = 16;

/** What the agent is told of its cache, in letters that every shell leaves alone: see parseAgentOptions(). */
export function cacheArgument({ path, maxSize, maxEntries }: CacheConfig): string {
  const words = [maxSize, maxEntries, machineName()];
  if (path !== undefined) words.push(new TextEncoder().encode(path).toHex());
  return words.join(",");
}

/** A name of this machine that says nothing about it (machine-id(5) wants to be hashed). */
function machineName(): string {
  const hash = createHash("sha256").update("outrun ");
  for (const file of ["/etc/machine-id", "/proc/sys/kernel/hostname"]) {
    const id = readFile(file);
    if (typeof id === "number" || id.length === 0) continue;
    hash.update(id);
    break;
  }
  return hash.digest("hex").slice(0, NAME_DIGITS);
}
