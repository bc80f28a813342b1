/** Decoders of requests about extended attributes, ranges of files, and statx; see decode.ts. */
import { type ByteString, DecodeError } from "../bytes/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import {
  FUSE_COMPAT_SETXATTR_IN_SIZE,
  fuse_copy_file_range_in,
  fuse_fallocate_in,
  FUSE_GETATTR_FH,
  fuse_getxattr_in,
  fuse_lseek_in,
  FUSE_SETXATTR_ACL_KILL_SGID,
  fuse_setxattr_in,
  fuse_statx_in,
} from "./abi.ts";
import type { FileCopy, FileRange, NewXattr } from "./file_system.ts";
import type { Request } from "./request.ts";

/** Smaller than any character of a name. */
const FIRST_OF_NAMES = 0x20;

/** The open file that is asked about, if it is one. */
export function decodeStatxIn(request: Request): number | undefined {
  request.need(fuse_statx_in.sizeof);
  const known = (request.u32(fuse_statx_in.getattr_flags) & FUSE_GETATTR_FH) !== 0;
  return known ? request.u53(fuse_statx_in.fh) : undefined;
}

/** `size`: bytes the kernel has room for; 0 when it asks for the length. */
export function decodeGetxattrIn(request: Request): { name: ByteString; size: number } {
  request.need(fuse_getxattr_in.sizeof);
  return { name: request.name(fuse_getxattr_in.sizeof), size: request.u32(fuse_getxattr_in.size) };
}

/** As of {@link decodeGetxattrIn}. */
export function decodeListxattrIn(request: Request): number {
  request.need(fuse_getxattr_in.sizeof);
  return request.u32(fuse_getxattr_in.size);
}

/**
 * Where the longer structure has more flags, the shorter one (of kernels before 5.12) is followed by the name. The value is a view of the request's buffer.
 */
export function decodeSetxattrIn(request: Request): { name: ByteString; xattr: NewXattr } {
  request.need(FUSE_COMPAT_SETXATTR_IN_SIZE + 1);
  const size = request.u32(fuse_setxattr_in.size);
  const flags = request.u32(fuse_setxattr_in.flags);
  const isLong = request.bytes(fuse_setxattr_in.setxattr_flags, 1)[0] < FIRST_OF_NAMES;
  const sizeof = isLong ? fuse_setxattr_in.sizeof : FUSE_COMPAT_SETXATTR_IN_SIZE;
  request.need(sizeof);
  const name = request.name(sizeof);
  const valueAt = sizeof + name.length + 1;
  if (request.size !== valueAt + size) {
    throw new DecodeError(`Cannot decode a request: ${request.size} bytes for an extended attribute of ${size}`);
  }
  const killSetgid = isLong && (request.u32(fuse_setxattr_in.setxattr_flags) & FUSE_SETXATTR_ACL_KILL_SGID) !== 0;
  return { name, xattr: { value: request.bytes(valueAt, size), flags, killSetgid } };
}

export function decodeFallocateIn(request: Request): FileRange {
  request.need(fuse_fallocate_in.sizeof);
  return {
    fh: request.u53(fuse_fallocate_in.fh),
    offset: request.position(fuse_fallocate_in.offset),
    length: request.position(fuse_fallocate_in.length),
    mode: request.u32(fuse_fallocate_in.mode),
  };
}

/** ENXIO where no file goes: nothing is found there. */
export function decodeLseekIn(request: Request): { fh: number; offset: number; whence: number } {
  request.need(fuse_lseek_in.sizeof);
  const offset = request.u53(fuse_lseek_in.offset);
  if (offset > Number.MAX_SAFE_INTEGER) throw new ErrnoError(Errno.ENXIO, `search a file from ${offset} on`);
  return { fh: request.u53(fuse_lseek_in.fh), offset, whence: request.u32(fuse_lseek_in.whence) };
}

export function decodeCopyFileRangeIn(request: Request): FileCopy {
  request.need(fuse_copy_file_range_in.sizeof);
  const s = fuse_copy_file_range_in;
  return {
    fh: request.u53(s.fh_in),
    offset: request.position(s.off_in),
    to: { nodeId: request.u53(s.nodeid_out), fh: request.u53(s.fh_out), offset: request.position(s.off_out) },
    // "All there is" is said by a number beyond any file.
    length: Math.min(request.u53(s.len), Number.MAX_SAFE_INTEGER),
  };
}
