import { type ByteString, Writer } from "../bytes/mod.ts";
import { whole } from "./file.ts";

/** Where a further channel of the link comes in. */
export interface ChannelOut {
  /** A fifo that the login may write to: the channel's pipe, which begins with the secret. */
  readonly path: ByteString;
  readonly secret: Uint8Array;
}

export const SECRET_BYTES = 16;

/** 16 bytes secret, string16 path. */
export function encodeChannel({ path, secret }: ChannelOut): Uint8Array {
  if (secret.length !== SECRET_BYTES) throw new RangeError(`Cannot encode a secret of ${secret.length} bytes`);
  return new Writer(256).bytes(secret).string16(path).finish();
}

/** The path may be any. */
export function decodeChannel(body: Uint8Array): ChannelOut {
  return whole(body, (from) => {
    const secret = from.bytes(SECRET_BYTES).slice();
    return { secret, path: from.string16() };
  });
}
