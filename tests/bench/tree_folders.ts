import { demand, type Original } from "./originals.ts";
import type { Rig } from "./rig.ts";

/** Longer than what was changed is taken for something that may change again. */
const SETTLED_MS = 3000;

/** Types, permissions, and targets of links; contents are compared by diff(1). */
const NAMES = "find . -printf '%P %y %m %l\\n' | LC_ALL=C sort";

/** How a tree is worked on: see TreeCase. */
export interface TreeWork {
  readonly original: Original;
  readonly changes?: boolean;
  readonly check?: string;
}

/**
 * Trees to work on. Those that are not changed are made once; of the others, each run has a fresh copy, always in the same
 * place, as compilers write down where they were.
 */
export class TreeFolders {
  readonly #rig: Rig;
  readonly #work: TreeWork;
  /** What is to be said. */
  #said: string | undefined;

  constructor(rig: Rig, work: TreeWork) {
    this.#rig = rig;
    this.#work = work;
  }

  get #original(): string {
    return `${this.#rig.context.cwd}/${this.#work.original.name}`;
  }

  /** Where the work is done, and what it became of it here. */
  get #places(): { worked: string; right: string } {
    const { cwd } = this.#rig.context;
    return { worked: `${cwd}/worked`, right: `${cwd}/right` };
  }

  /** Where a run is to be. */
  async fresh(): Promise<{ cwd: string; env: Record<string, string> }> {
    const { cwd, env } = this.#rig.context;
    const original = this.#original;
    const isNew = !await exists(original);
    if (isNew) await this.#work.original.make(original, this.#rig.kept);
    const { worked } = this.#places;
    if (this.#work.changes) await demand(["sh", "-c", 'rm -rf "$1" && cp -a "$2" "$1"', "sh", worked, original], cwd);
    if (isNew || this.#work.changes) {
      await demand(["sync", "-f", original], cwd);
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    }
    return { cwd: this.#work.changes ? worked : original, env };
  }

  /** So it is right: what was said, and what the tree is now. */
  async keep(said: string): Promise<void> {
    const { worked, right } = this.#places;
    this.#said = said;
    if (!this.#work.changes) return;
    const { cwd } = this.#rig.context;
    this.#said += await this.#check(worked);
    await demand(["sh", "-c", 'rm -rf "$2" && mv "$1" "$2"', "sh", worked, right], cwd);
  }

  /** Why it is not as what was kept; undefined: it is. */
  async compare(said: string): Promise<string | undefined> {
    if (this.#said === undefined) return "nothing to compare with";
    const { worked, right } = this.#places;
    const all = this.#work.changes ? said + await this.#check(worked) : said;
    if (all !== this.#said) return "says something else";
    if (!this.#work.changes) return undefined;
    const names = [await demand(["sh", "-c", NAMES], worked), await demand(["sh", "-c", NAMES], right)];
    if (names[0] !== names[1]) return "other names";
    const diff = await new Deno.Command("diff", { args: ["-rq", "--no-dereference", worked, right] }).output();
    return diff.success ? undefined : "other contents";
  }

  /** The next case may need the room. */
  async remove(): Promise<void> {
    const { worked, right } = this.#places;
    await demand(["rm", "-rf", worked, right], this.#rig.context.cwd);
  }

  async #check(folder: string): Promise<string> {
    const { check } = this.#work;
    return check === undefined ? "" : await demand(["sh", "-c", check], folder);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
