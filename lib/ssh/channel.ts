import { within } from "./answers.ts";
import type { Carrier } from "./argv.ts";
import { DialError } from "./dial_error.ts";
import type { Readiness } from "./readiness.ts";
import { RemoteShell } from "./remote_shell.ts";
import { startTransport } from "./transport.ts";

/** The server is asked over a connection that stands. */
const LIMIT_MS = 15_000;

/** A further channel of the connection: bytes written go to the fifo. */
export interface Channel {
  write(bytes: Uint8Array): Promise<void>;
  /** Ends it. Idempotent. */
  kill(): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
}

/** Where a channel is to lead. */
export interface ChannelOptions {
  /** A fifo over there that somebody reads. */
  readonly fifo: string;
  readonly readiness: Readiness;
}

/** Opens a channel. Rejects with a DialError where the server, or there being no shared connection, does not let it. */
export async function openChannel(carrier: Carrier, { fifo, readiness }: ChannelOptions): Promise<Channel> {
  if (carrier.channel === undefined) throw new DialError("Cannot open a channel: the connection is not shared");
  if (!/^\/[^'\p{Cc}]*$/u.test(fifo)) throw new DialError("Cannot open a channel: its fifo has an unusual name");
  const transport = startTransport({ ...carrier, argv: carrier.channel }, { readiness, isSilent: true });
  try {
    const nonce = crypto.randomUUID().replaceAll("-", "");
    const shell = new RemoteShell(transport, { carrier, nonce, timeoutMs: LIMIT_MS });
    await shell.send(channelText(fifo, nonce));
    await within(shell.answer(["channel"]), LIMIT_MS, "Cannot open a channel: the other machine has said nothing");
  } catch (error) {
    transport.kill();
    throw error;
  }
  return {
    write: (bytes) => transport.write(bytes),
    kill: () => transport.kill(),
    ended: transport.status,
  };
}

/**
 * One line, behind which the shell reads nothing before it has become cat. A writer of a fifo waits for a reader, who may
 * have gone: opened for both first, it does not.
 */
function channelText(fifo: string, nonce: string): string {
  return `[ -p '${fifo}' ] && exec 3<>'${fifo}' && echo ${nonce} channel && exec cat >'${fifo}' 3<&-; exit 1\n`;
}
