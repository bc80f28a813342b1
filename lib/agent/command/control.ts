/**
 * What agent and runner say to each other, over a SOCK_SEQPACKET pair that the runner has as descriptor 3. The agent says
 * one thing: a byte 0 and a memory file with the encoded RunIn. The runner's messages are below. The end of its socket,
 * which is close-on-exec, after `executing` means that the command runs.
 */
import { DecodeError, fromText, Reader, toText, Writer } from "../../bytes/mod.ts";

/** The runner's descriptor. */
export const CONTROL = 3;

export type RunnerMessage =
  /** With two descriptors: the FUSE device, and the directory that is the command's /proc. */
  | { readonly kind: "mounted" }
  /** The next step is execve. */
  | { readonly kind: "executing" }
  /** execve said this errno. */
  | { readonly kind: "notExecuted"; readonly errno: number }
  /** A step before that failed; `message` is for the user. */
  | { readonly kind: "failed"; readonly message: string };

/** Bytes of the longest message. */
export const MAX_MESSAGE = 8192;

/** u8 kind (the index above), u32 errno or 0, string32 message. */
export function encodeRunnerMessage(message: RunnerMessage): Uint8Array<ArrayBuffer> {
  const to = new Writer(64);
  switch (message.kind) {
    case "mounted":
      to.u8(0).u32(0).u32(0);
      break;
    case "executing":
      to.u8(1).u32(0).u32(0);
      break;
    case "notExecuted":
      to.u8(2).u32(message.errno).u32(0);
      break;
    case "failed":
      to.u8(3).u32(0).string32(fromText(message.message.slice(0, MAX_MESSAGE / 4)));
      break;
  }
  return to.finish().slice();
}

export function decodeRunnerMessage(bytes: Uint8Array): RunnerMessage {
  const from = new Reader(bytes);
  const kind = from.u8();
  const errno = from.u32();
  const message = toText(from.string32());
  switch (kind) {
    case 0:
      return { kind: "mounted" };
    case 1:
      return { kind: "executing" };
    case 2:
      return { kind: "notExecuted", errno };
    case 3:
      return { kind: "failed", message };
  }
  throw new DecodeError(`Cannot decode what the runner says: kind ${kind}`);
}
