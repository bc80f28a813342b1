import assert from "node:assert/strict";
import { type Connection, createConnection, type Handler } from "../../../lib/rpc/mod.ts";

/** The agent's and the local side's end of a link, joined back to back. Bytes move in microtasks. */
export class Bridge {
  readonly agent: Connection;
  readonly local: Connection;
  /** Most bytes that reach the agent in one turn of the event loop; 0 holds them back. */
  #slice = Infinity;
  readonly #room = new Uint8Array(1 << 20);
  /** Sent by the local side, not at the agent yet. */
  #underway: Uint8Array[] = [];
  #scheduled = false;
  #closed = false;

  constructor(handlers: { agent?: Partial<Handler>; local: Handler }) {
    const unexpected: Handler = { request: (incoming) => incoming.fail(38), notify: () => {} };
    const common = { onPending: () => this.#schedule(), onError: (error: unknown) => assert.fail(String(error)) };
    this.agent = createConnection({ handler: { ...unexpected, ...handlers.agent }, ...common });
    this.local = createConnection({ handler: handlers.local, ...common });
  }

  /** Lets the agent have no more than `bytes` in one turn of the event loop. */
  throttle(bytes: number): void {
    this.#slice = bytes;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.agent.close();
    this.local.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#turn());
  }

  /** Moves bytes both ways until nothing is left to move, or the agent has had its share. */
  #turn(): void {
    this.#scheduled = false;
    let budget = this.#slice;
    for (let moved = true; moved && !this.#closed;) {
      const asked = this.agent.fill(this.#room);
      if (asked > 0) this.local.receive(this.#room.subarray(0, asked));
      const answered = this.local.fill(this.#room);
      if (answered > 0) this.#underway.push(this.#room.slice(0, answered));
      const delivered = this.#deliver(budget);
      budget -= delivered;
      moved = asked + answered + delivered > 0;
    }
    if (this.#underway.length === 0 || this.#slice === 0 || this.#closed) return;
    this.#scheduled = true;
    setTimeout(() => this.#turn());
  }

  #deliver(budget: number): number {
    let delivered = 0;
    while (this.#underway.length > 0 && delivered < budget) {
      const part = this.#underway.shift()!;
      const now = part.subarray(0, budget - delivered);
      if (now.length < part.length) this.#underway.unshift(part.subarray(now.length));
      delivered += now.length;
      this.agent.receive(now);
    }
    return delivered;
  }
}
