import { type CommandIds, parseMap } from "./ids.ts";

/** Ids 0 to 268369919 are shifted to where the remote has no users: up to 2^31 - 65536 - 1. */
const SHIFT = 0x7000_0000;
const SHIFTED = 0x0fff_0000;
/** Ids above those have one extent each; the kernel takes 340 (5 before Linux 4.15). */
const MAX_EXTENTS = 340;

/** Which ids outside the command's user namespace its own ids are: the same map for users and groups. */
export class IdMap implements CommandIds {
  readonly #extra = new Map<number, number>();

  /** `ids`: what must be mapped beyond the ordinary ones; ordinary ones among them are no harm. */
  constructor(ids: readonly number[]) {
    for (const id of ids) {
      if (id >= SHIFTED && !this.#extra.has(id)) this.#extra.set(id, SHIFT + SHIFTED + this.#extra.size);
    }
    if (this.#extra.size >= MAX_EXTENTS) {
      throw new Error(`Cannot map ${this.#extra.size} ids above ${SHIFTED - 1}: the kernel takes ${MAX_EXTENTS - 1}`);
    }
  }

  /** What is written to /proc/PID/uid_map and gid_map: inside, outside, count. */
  get text(): string {
    const extents = [[0, SHIFT, SHIFTED], ...[...this.#extra].map(([inside, outside]) => [inside, outside, 1])];
    return extents.map((extent) => extent.join(" ") + "\n").join("");
  }

  user(id: number): number | undefined {
    return id < SHIFTED ? SHIFT + id : this.#extra.get(id);
  }

  group(id: number): number | undefined {
    return this.user(id);
  }

  /** Whether the agent's own user namespace (`map`: its /proc/self/uid_map) has the ids that this map goes to. */
  fits(map: string): boolean {
    const last = SHIFT + SHIFTED + this.#extra.size;
    return parseMap(map).some(({ inside, count }) => inside <= SHIFT && inside + count >= last);
  }
}
