import { type ByteString, cString } from "../bytes/mod.ts";
import { libc, negative } from "./libc.ts";

// linux/mount.h
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_BIND = 0x1000;
export const MS_MOVE = 0x2000;
export const MS_REC = 0x4000;
export const MS_PRIVATE = 0x40000;
export const MNT_DETACH = 2;

export interface MountOptions {
  /** MS_* */
  readonly flags?: number;
  /** The file system's type; not for binds, moves and changes of propagation. */
  readonly type?: ByteString;
  /** The file system's own options, `name=value` with commas between. */
  readonly data?: ByteString;
}

export function mount(source: ByteString, target: ByteString, options: MountOptions): number {
  const empty = "" as ByteString;
  const { flags = 0, type = empty, data = empty } = options;
  return negative(libc().mount(cString(source), cString(target), cString(type), flags, cString(data)));
}
