import type { ByteString } from "../bytes/mod.ts";
import { type ChangedNote, decodeLookupOut, encodeName, FileOp, type LookupOut } from "../protocol/mod.ts";
import type { Node, Place } from "./nodes.ts";
import type { Tree } from "./tree.ts";

/** Whether changes of ours are under way that decide what the name stands for, or what that is like. */
export function isHeld({ parent, name }: Place): boolean {
  if (parent.heldNames.has(name) || parent.askedNames.has(name)) return true;
  const child = parent.children.get(name);
  return child !== undefined && child.pending > 0;
}

/**
 * News of names that we are changing ourselves. Most are echoes of that: of a state in between, or of one that the answers
 * tell as well. They wait until the changes are made; what then does not agree with them is looked at again.
 */
export class DeferredNews {
  readonly #tree: Tree;
  readonly #apply: (note: ChangedNote, time: number) => void;
  /** The last ones, by directory. */
  readonly #news = new Map<Node, Map<ByteString, ChangedNote>>();

  /** `apply` deals with news that are as of `time`. */
  constructor(tree: Tree, apply: (note: ChangedNote, time: number) => void) {
    this.#tree = tree;
    this.#apply = apply;
    tree.log.onNameSettled.push((place) => this.#check(place));
    tree.log.onSettled.push((node) => {
      for (const place of node.places) this.#check(place);
    });
  }

  keep({ parent, name }: Place, note: ChangedNote): void {
    const names = this.#news.get(parent) ?? new Map<ByteString, ChangedNote>();
    names.set(name, note);
    this.#news.set(parent, names);
  }

  #check(place: Place): void {
    const { parent, name } = place;
    const names = this.#news.get(parent);
    const note = names?.get(name);
    if (note === undefined || isHeld(place)) return;
    names!.delete(name);
    if (names!.size === 0) this.#news.delete(parent);
    this.check(place, note);
  }

  /** Looks again where news that may be older than what is known do not agree with it. */
  check(place: Place, note: ChangedNote): void {
    const { parent, name } = place;
    if (isHeld(place)) return this.keep(place, note);
    const child = parent.children.get(name);
    if (!agrees(child, note.found)) void this.#look(note);
    else this.#tree.snapshots.agreed(parent, name, child && { stat: child.attr, target: child.target });
  }

  /** The answer is as old as the question: it may have crossed another change of ours. */
  async #look({ dir, name }: ChangedNote): Promise<void> {
    const time = performance.now();
    const reply = this.#tree.ask(FileOp.LOOKUP, encodeName({ dir, name }));
    // What cannot be looked at, or not be understood, is as good as gone: who uses the name asks, and is told why.
    const found = await reply.then(decodeLookupOut).catch(() => undefined);
    this.#apply({ dir, name, found }, time);
  }
}

function agrees(child: Node | undefined, found: LookupOut | undefined): boolean {
  if (child === undefined || found === undefined) return child === undefined && found === undefined;
  return !child.isOtherFile(found.stat);
}
