import { BulkReply } from "./bulk_reply.ts";
import type { Lane, SendQueue } from "./send_queue.ts";

/** A request's data or a bulk reply, waiting in its flow. */
export interface BulkItem {
  /** Nothing further will be written. */
  readonly finished: boolean;
  /** Like {@link Lane.write}; may write nothing (0) when that finishes it. */
  write(into: Uint8Array): number;
}

/** A reply that no piece of has gone out, and its flow. */
export interface Movable {
  readonly flow: number;
  readonly reply: BulkReply;
}

/** The flows with something to send, by their number: requests' data and bulk replies of one number keep their order. */
export class Flows {
  readonly #queue: SendQueue;
  readonly #flows = new Map<number, Flow>();
  /** Replies that a channel may take, and their flows, oldest first. */
  readonly #movable = new Map<BulkItem, number>();
  /** There is another one. */
  onMovable = () => {};

  constructor(queue: SendQueue) {
    this.#queue = queue;
  }

  add(number: number, item: BulkItem): void {
    let flow = this.#flows.get(number);
    if (flow === undefined) {
      flow = new Flow({ onEmpty: () => this.#flows.delete(number), onBegun: (begun) => this.#movable.delete(begun) });
      this.#flows.set(number, flow);
    }
    flow.items.push(item);
    this.#queue.add(flow);
    if (!(item instanceof BulkReply) || !item.isMovable) return;
    this.#movable.set(item, number);
    this.onMovable();
  }

  /** Takes out the oldest reply that may go by a channel. */
  takeMovable(): Movable | undefined {
    for (const [reply, flow] of this.#movable) {
      this.remove(flow, reply);
      return { flow, reply: reply as BulkReply };
    }
    return undefined;
  }

  /** Takes `item` out, whether it has been begun or not. */
  remove(number: number, item: BulkItem): void {
    this.#movable.delete(item);
    const flow = this.#flows.get(number);
    const index = flow?.items.indexOf(item) ?? -1;
    if (flow === undefined || index < 0) return;
    flow.items.splice(index, 1);
    if (index === 0) this.#queue.unpark(flow);
  }
}

class Flow implements Lane {
  readonly items: BulkItem[] = [];
  readonly #options: { readonly onEmpty: () => void; readonly onBegun: (item: BulkItem) => void };

  constructor(options: { onEmpty: () => void; onBegun: (item: BulkItem) => void }) {
    this.#options = options;
  }

  write(into: Uint8Array): number {
    while (this.items.length > 0) {
      const item = this.items[0];
      this.#options.onBegun(item);
      const count = item.write(into);
      if (item.finished) this.items.shift();
      if (count !== 0) return count;
    }
    this.#options.onEmpty();
    return 0;
  }
}
