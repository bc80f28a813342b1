import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type BulkSource,
  type Connection,
  type ConnectionOptions,
  createConnection,
  type Handler,
} from "../../../lib/rpc/mod.ts";

/** Both ends of a link in one process. */
export interface Pair {
  readonly a: Connection;
  readonly b: Connection;
  /** What onError was told, by either end. */
  readonly errors: unknown[];
  /** Moves bytes both ways until nothing is left to move. */
  pump(): void;
}

const none: Handler = { request: (request) => request.fail(38), notify: () => {} };
const buffer = new Uint8Array(1024 * 1024);

/** One end; by default it answers ENOSYS. */
export function connection(handler: Partial<Handler> = {}, options: Partial<ConnectionOptions> = {}): Connection {
  return createConnection({ handler: { ...none, ...handler }, onPending: () => {}, ...options });
}

/** Two ends with their handlers. */
export function connect(handlers: { readonly a?: Partial<Handler>; readonly b?: Partial<Handler> }): Pair {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const a = connection(handlers.a, { onError });
  const b = connection(handlers.b, { onError });
  const pump = () => {
    for (let moved = true; moved;) {
      const [toB, toA] = [output(a), output(b)];
      b.receive(toB);
      a.receive(toA);
      moved = toB.length + toA.length > 0;
    }
  };
  return { a, b, errors, pump };
}

/** The next bytes that `end` sends: one fill(). */
export function output(end: Connection, room: Uint8Array = buffer): Uint8Array {
  return room.slice(0, end.fill(room));
}

/** Everything that `end` sends while nobody answers. */
export function drain(end: Connection): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let next = output(end); next.length > 0; next = output(end)) parts.push(next);
  return concat(parts);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Like assert.deepEqual, which takes seconds for a megabyte. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.compare(actual, expected), 0, `${actual.length} bytes are not the ${expected.length} expected`);
}

/** Bytes written as hexadecimal digits; blanks do not count. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** `length` bytes that tell their own position. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff);
}

/** Gives `content` in pieces of at most `step` bytes. */
export function sourceOf(content: Uint8Array, step = 65536): BulkSource {
  let at = 0;
  return {
    pull(into) {
      const piece = content.subarray(at, at + Math.min(step, into.length));
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
  };
}
