import { type ByteString, toText } from "../bytes/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { LOGGED } from "../protocol/mod.ts";
import { type Connection, RpcError } from "../rpc/mod.ts";
import type { Node, Nodes, Place } from "./nodes.ts";

/** The flow of all changes: no handle has this number. */
const FLOW = 0x1_0000_0000;
/** Changes beyond these wait for the local side as they would without a log. */
const MAX_CHANGES = 4096;
const MAX_BYTES = 4 << 20;

/** A change that the command takes for made. */
export interface Change {
  /** FileOp */
  readonly op: number;
  readonly body: Uint8Array;
  /** Bulk bytes; the log keeps them as they are. */
  readonly data?: Uint8Array;
  /** Whoever made it waits for the answer: it is in its place in the log, and takes no room there. */
  readonly isAwaited?: boolean;
  /** Whom it touches: who asks the local side about these waits for it. Directories of names included. */
  readonly nodes: readonly Node[];
  /** Names that stand for something else from here on. */
  readonly names?: readonly Place[];
  /** What the user is told that could not be changed. */
  readonly path: ByteString;
  /** Takes the answer, before those who wait for it go on. What it throws fails the change. */
  readonly onReply?: (reply: Uint8Array) => void;
  /** A failure is this one's alone. */
  readonly onError?: (error: unknown) => void;
}

/** A change that the local side refused. */
export interface Failure {
  readonly path: ByteString;
  readonly errno: number;
}

/**
 * Changes that were acknowledged to the command, on their way to the local side: made there in order, in one flow behind
 * each other, the next before the last is answered. After one that fails none is made (see lib/fileserver/change_log.ts).
 */
export class ChangeLog {
  /** Called when a node has no changes under way any more. */
  readonly onSettled: ((node: Node) => void)[] = [];
  /** The same of names. */
  readonly onNameSettled: ((place: Place) => void)[] = [];
  onFailure: () => void = () => {};
  /** Called when the kernel had forgotten a node already. */
  onForgotten: (node: Node) => void = () => {};
  readonly #connection: Connection;
  readonly #nodes: Nodes;
  readonly #waiting = new Map<Node, PromiseWithResolvers<void>>();
  #drained: PromiseWithResolvers<void> | undefined;
  /** Changes under way, and those that have been. */
  #changes = 0;
  #ended = 0;
  /** Who waits until so many have been: answers come in order. */
  readonly #marks: { readonly end: number; readonly resolve: () => void }[] = [];
  #bytes = 0;
  #awaited = 0;
  #failure: Failure | undefined;

  constructor(connection: Connection, nodes: Nodes) {
    this.#connection = connection;
    this.#nodes = nodes;
  }

  /** The first change that failed: nothing can be changed any more. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  get isEmpty(): boolean {
    return this.#changes === 0;
  }

  /** Whether another change with so many bytes can be taken. */
  hasRoom(bytes: number): boolean {
    return this.#failure === undefined && this.#changes < MAX_CHANGES && this.#bytes + bytes <= MAX_BYTES;
  }

  /** Whether somebody waits for room already: who comes now waits behind. */
  get isAwaited(): boolean {
    return this.#awaited > 0;
  }

  /** What a name stands for has been decided. */
  tellSettled(place: Place): void {
    for (const tell of this.onNameSettled) tell(place);
  }

  /** Puts a change at the end. Resolves or rejects with the answer, which need not be looked at. */
  append(change: Change): Promise<Uint8Array> {
    const { op, body, data, nodes, names = [] } = change;
    this.#changes++;
    if (change.isAwaited) this.#awaited++;
    else this.#bytes += data?.length ?? 0;
    for (const node of nodes) {
      node.pending++;
      // The kernel may forget it meanwhile.
      node.lookups++;
    }
    for (const { parent, name } of names) parent.heldNames.set(name, (parent.heldNames.get(name) ?? 0) + 1);
    const { reply } = this.#connection.call(op | LOGGED, body, { data, flow: FLOW, inFlow: true });
    const outcome = reply.then((body) => {
      change.onReply?.(body);
      return body;
    });
    const settled = outcome.catch((error) => {
      if (change.onError === undefined) this.#fail(change, error);
      else change.onError(error);
    }).then(() => this.#settle(change));
    const result = settled.then(() => outcome);
    result.catch(() => {});
    return result;
  }

  /** Until no change of these is under way; undefined: there is none. */
  settled(...nodes: readonly Node[]): Promise<void> | undefined {
    const pending = nodes.filter((node) => node.pending > 0);
    if (pending.length === 0) return undefined;
    return this.#settled(pending);
  }

  /** Until no change at all is under way; undefined: there is none. EIO where one has failed. */
  drained(): Promise<void> | undefined {
    if (this.#changes === 0) return this.#failure === undefined ? undefined : Promise.reject(this.refusal());
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise.then(() => {
      if (this.#failure !== undefined) throw this.refusal();
    });
  }

  /** Until the changes so far are made, or have failed; undefined: they are. */
  reached(): Promise<void> | undefined {
    if (this.#changes === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#marks.push({ end: this.#ended + this.#changes, resolve });
    return promise;
  }

  /** What every change is answered with after one has failed. */
  refusal(): ErrnoError {
    return new ErrnoError(Errno.EIO, "change anything after a change that failed");
  }

  async #settled(nodes: readonly Node[]): Promise<void> {
    for (const node of nodes) {
      while (node.pending > 0) {
        const waiting = this.#waiting.get(node) ?? Promise.withResolvers<void>();
        this.#waiting.set(node, waiting);
        await waiting.promise;
      }
    }
  }

  #fail({ op, path }: Change, error: unknown): void {
    if (this.#failure !== undefined) return;
    log.debug(`the log ends with change ${op} of "${toText(path)}": ${error}`);
    this.#failure = { path, errno: error instanceof RpcError ? error.errno : Errno.EIO };
    this.onFailure();
  }

  #settle({ data, isAwaited, nodes, names = [] }: Change): void {
    this.#changes--;
    if (isAwaited) this.#awaited--;
    else this.#bytes -= data?.length ?? 0;
    const now = performance.now();
    for (const place of names) {
      const { parent, name } = place;
      parent.settledAt = now;
      const held = parent.heldNames.get(name)! - 1;
      if (held > 0) parent.heldNames.set(name, held);
      else {
        parent.heldNames.delete(name);
        this.tellSettled(place);
      }
    }
    for (const node of nodes) {
      node.pending--;
      for (const { parent } of node.places) parent.settledAt = now;
      if (node.pending === 0) {
        for (const tell of this.onSettled) tell(node);
        this.#waiting.get(node)?.resolve();
        this.#waiting.delete(node);
      }
      const forgotten = this.#nodes.forget(node.id, 1);
      if (forgotten !== undefined) this.onForgotten(forgotten);
    }
    this.#ended++;
    while (this.#marks.length > 0 && this.#marks[0].end <= this.#ended) this.#marks.shift()!.resolve();
    if (this.#changes > 0) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
