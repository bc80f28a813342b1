import type { Connection, Stream } from "../rpc/mod.ts";

const CHUNK = 64 * 1024;

/** Bytes from a local descriptor, for the command. Reads only what the command has room for. */
export function sendInput(
  options: {
    connection: Connection;
    id: number;
    interactive: boolean;
    source: { read(p: Uint8Array): Promise<number | null> };
  },
): void {
  const { connection, id, interactive, source } = options;
  let wake: () => void = () => {};
  const stream: Stream = connection.stream(id, { interactive, onCredit: () => wake() });
  const run = async () => {
    const buffer = new Uint8Array(CHUNK);
    for (;;) {
      while (stream.credit === 0) await new Promise<void>((resolve) => wake = resolve);
      const count = await source.read(buffer.subarray(0, Math.min(CHUNK, stream.credit)));
      if (count === null) return stream.end();
      stream.send(buffer.subarray(0, count));
    }
  };
  // A descriptor that cannot be read (closed, or a directory) is one that has ended.
  run().catch(() => stream.end());
}

/** Bytes of the command, for a local descriptor. Resolves when the last one is written. */
export function receiveOutput(
  options: {
    connection: Connection;
    id: number;
    interactive: boolean;
    sink: { write(p: Uint8Array): Promise<number> };
    /** The descriptor takes nothing any more: nobody reads it (BrokenPipe), or it has no room. */
    onBroken: (error: unknown) => void;
  },
): Promise<void> {
  const { connection, id, interactive, sink, onBroken } = options;
  const finished = Promise.withResolvers<void>();
  let queue: Promise<void> = Promise.resolve();
  let broken = false;
  const write = async (bytes: Uint8Array) => {
    try {
      for (let done = 0; done < bytes.length && !broken;) done += await sink.write(bytes.subarray(done));
    } catch (error) {
      broken = true;
      onBroken(error);
    }
    stream.consumed(bytes.length);
  };
  const stream: Stream = connection.stream(id, {
    interactive,
    onData: (bytes) => {
      const copy = bytes.slice();
      queue = queue.then(() => write(copy));
    },
    onEnd: () => {
      queue.then(finished.resolve);
    },
  });
  return finished.promise;
}
