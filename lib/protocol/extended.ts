import { type ByteString, DecodeError, type Reader, Writer } from "../bytes/mod.ts";
import { type FileRef, readRef, whole, writeRef } from "./file.ts";

/** Most bytes of a value, and of all names of a file (XATTR_SIZE_MAX of `linux/limits.h`). */
export const MAX_XATTR = 65536;

/** One extended attribute of a file. */
export interface XattrRef {
  readonly ref: FileRef;
  readonly name: ByteString;
}

/** FileRef, string16 name. */
export function encodeXattrRef({ ref, name }: XattrRef): Uint8Array {
  return writeRef(new Writer(64), ref).string16(name).finish();
}

export function decodeXattrRef(body: Uint8Array): XattrRef {
  return whole(body, (from) => ({ ref: readRef(from), name: readXattrName(from) }));
}

/** FileRef, string16 name, u32 flags (setxattr(2)), u8 killSetgid, u32 length and bytes of the value. */
export interface SetXattrIn extends XattrRef {
  readonly value: Uint8Array;
  readonly flags: number;
  /** Whoever sets an access ACL is not in the file's group, and may not keep its setgid bit. */
  readonly killSetgid: boolean;
}

export function encodeSetXattr({ ref, name, value, flags, killSetgid }: SetXattrIn): Uint8Array {
  return writeRef(new Writer(96 + value.length), ref).string16(name).u32(flags).u8(killSetgid ? 1 : 0)
    .u32(value.length).bytes(value).finish();
}

/** `value` is a view of `body`. */
export function decodeSetXattr(body: Uint8Array): SetXattrIn {
  return whole(body, (from) => {
    const message = { ref: readRef(from), name: readXattrName(from), flags: from.u32(), killSetgid: from.u8() === 1 };
    const length = from.u32();
    if (length > MAX_XATTR) throw new DecodeError(`Cannot decode an extended attribute: ${length} bytes`);
    return { ...message, value: from.bytes(length) };
  });
}

/** 1 to 255 bytes (XATTR_NAME_MAX), no NUL. */
function readXattrName(from: Reader): ByteString {
  const name = from.string16();
  if (name.length === 0 || name.length > 255 || name.includes("\0")) {
    throw new DecodeError("Cannot decode an extended attribute's name: empty, longer than 255 bytes, or with a NUL");
  }
  return name;
}
