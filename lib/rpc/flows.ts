import type { Lane, SendQueue } from "./send_queue.ts";

/** A request's data or a bulk reply, waiting in its flow. */
export interface BulkItem {
  /** Nothing further will be written. */
  readonly finished: boolean;
  /** Like {@link Lane.write}; may write nothing (0) when that finishes it. */
  write(into: Uint8Array): number;
}

/** The flows with something to send, by their number: requests' data and bulk replies of one number keep their order. */
export class Flows {
  readonly #queue: SendQueue;
  readonly #flows = new Map<number, Flow>();

  constructor(queue: SendQueue) {
    this.#queue = queue;
  }

  add(number: number, item: BulkItem): void {
    let flow = this.#flows.get(number);
    if (flow === undefined) {
      flow = new Flow(() => this.#flows.delete(number));
      this.#flows.set(number, flow);
    }
    flow.items.push(item);
    this.#queue.add(flow);
  }

  /** Takes `item` out, whether it has been begun or not. */
  remove(number: number, item: BulkItem): void {
    const flow = this.#flows.get(number);
    const index = flow?.items.indexOf(item) ?? -1;
    if (flow === undefined || index < 0) return;
    flow.items.splice(index, 1);
    if (index === 0) this.#queue.unpark(flow);
  }
}

class Flow implements Lane {
  readonly items: BulkItem[] = [];
  readonly #onEmpty: () => void;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  write(into: Uint8Array): number {
    while (this.items.length > 0) {
      const item = this.items[0];
      const count = item.write(into);
      if (item.finished) this.items.shift();
      if (count !== 0) return count;
    }
    this.#onEmpty();
    return 0;
  }
}
