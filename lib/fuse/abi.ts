/**
 * The kernel's ABI under the kernel's own names (`include/uapi/linux/fuse.h`, protocol 7.31 to 7.45), as far as this
 * program speaks it. Structures are tables of byte offsets, with their size as `sizeof`. All fields are little-endian
 * on the architectures supported, and every structure is padded to 8 bytes.
 */

export const FUSE_KERNEL_VERSION = 7;
/** The newest minor version this file was written after. */
export const FUSE_KERNEL_MINOR_VERSION = 45;
export const FUSE_ROOT_ID = 1;

/** enum fuse_opcode. */
export const Opcode = {
  FUSE_LOOKUP: 1,
  FUSE_FORGET: 2,
  FUSE_GETATTR: 3,
  FUSE_SETATTR: 4,
  FUSE_READLINK: 5,
  FUSE_SYMLINK: 6,
  FUSE_MKNOD: 8,
  FUSE_MKDIR: 9,
  FUSE_UNLINK: 10,
  FUSE_RMDIR: 11,
  FUSE_RENAME: 12,
  FUSE_LINK: 13,
  FUSE_OPEN: 14,
  FUSE_READ: 15,
  FUSE_WRITE: 16,
  FUSE_STATFS: 17,
  FUSE_RELEASE: 18,
  FUSE_FSYNC: 20,
  FUSE_SETXATTR: 21,
  FUSE_GETXATTR: 22,
  FUSE_LISTXATTR: 23,
  FUSE_REMOVEXATTR: 24,
  FUSE_FLUSH: 25,
  FUSE_INIT: 26,
  FUSE_OPENDIR: 27,
  FUSE_READDIR: 28,
  FUSE_RELEASEDIR: 29,
  FUSE_FSYNCDIR: 30,
  FUSE_GETLK: 31,
  FUSE_SETLK: 32,
  FUSE_SETLKW: 33,
  FUSE_ACCESS: 34,
  FUSE_CREATE: 35,
  FUSE_INTERRUPT: 36,
  FUSE_BMAP: 37,
  FUSE_DESTROY: 38,
  FUSE_IOCTL: 39,
  FUSE_POLL: 40,
  FUSE_NOTIFY_REPLY: 41,
  FUSE_BATCH_FORGET: 42,
  FUSE_FALLOCATE: 43,
  FUSE_READDIRPLUS: 44,
  FUSE_RENAME2: 45,
  FUSE_LSEEK: 46,
  FUSE_COPY_FILE_RANGE: 47,
  FUSE_SETUPMAPPING: 48,
  FUSE_REMOVEMAPPING: 49,
  FUSE_SYNCFS: 50,
  FUSE_TMPFILE: 51,
  FUSE_STATX: 52,
  FUSE_COPY_FILE_RANGE_64: 53,
} as const;

const opcodeNames = new Map<number, string>(Object.entries(Opcode).map(([name, opcode]) => [opcode, name]));

/** `FUSE_LOOKUP` for 1; the number itself where the kernel is newer than the table. */
export function opcodeName(opcode: number): string {
  return opcodeNames.get(opcode) ?? `opcode ${opcode}`;
}

/** enum fuse_notify_code: what stands in the error field of a message with unique 0. */
export const NotifyCode = {
  FUSE_NOTIFY_POLL: 1,
  FUSE_NOTIFY_INVAL_INODE: 2,
  FUSE_NOTIFY_INVAL_ENTRY: 3,
  FUSE_NOTIFY_STORE: 4,
  FUSE_NOTIFY_RETRIEVE: 5,
  FUSE_NOTIFY_DELETE: 6,
  FUSE_NOTIFY_RESEND: 7,
  FUSE_NOTIFY_INC_EPOCH: 8,
  FUSE_NOTIFY_PRUNE: 9,
} as const;

/** INIT flags, first word. */
export const InitFlag = {
  FUSE_ASYNC_READ: 1 << 0,
  FUSE_POSIX_LOCKS: 1 << 1,
  FUSE_FILE_OPS: 1 << 2,
  FUSE_ATOMIC_O_TRUNC: 1 << 3,
  FUSE_EXPORT_SUPPORT: 1 << 4,
  FUSE_BIG_WRITES: 1 << 5,
  FUSE_DONT_MASK: 1 << 6,
  FUSE_SPLICE_WRITE: 1 << 7,
  FUSE_SPLICE_MOVE: 1 << 8,
  FUSE_SPLICE_READ: 1 << 9,
  FUSE_FLOCK_LOCKS: 1 << 10,
  FUSE_HAS_IOCTL_DIR: 1 << 11,
  FUSE_AUTO_INVAL_DATA: 1 << 12,
  FUSE_DO_READDIRPLUS: 1 << 13,
  FUSE_READDIRPLUS_AUTO: 1 << 14,
  FUSE_ASYNC_DIO: 1 << 15,
  FUSE_WRITEBACK_CACHE: 1 << 16,
  FUSE_NO_OPEN_SUPPORT: 1 << 17,
  FUSE_PARALLEL_DIROPS: 1 << 18,
  FUSE_HANDLE_KILLPRIV: 1 << 19,
  FUSE_POSIX_ACL: 1 << 20,
  FUSE_ABORT_ERROR: 1 << 21,
  FUSE_MAX_PAGES: 1 << 22,
  FUSE_CACHE_SYMLINKS: 1 << 23,
  FUSE_NO_OPENDIR_SUPPORT: 1 << 24,
  FUSE_EXPLICIT_INVAL_DATA: 1 << 25,
  FUSE_MAP_ALIGNMENT: 1 << 26,
  FUSE_SUBMOUNTS: 1 << 27,
  FUSE_HANDLE_KILLPRIV_V2: 1 << 28,
  FUSE_SETXATTR_EXT: 1 << 29,
  FUSE_INIT_EXT: 1 << 30,
} as const;

/** INIT flags, second word: the kernel's bits 32 to 63, shifted down. */
export const InitFlag2 = {
  FUSE_SECURITY_CTX: 1 << 0,
  FUSE_HAS_INODE_DAX: 1 << 1,
  FUSE_CREATE_SUPP_GROUP: 1 << 2,
  FUSE_HAS_EXPIRE_ONLY: 1 << 3,
  FUSE_DIRECT_IO_ALLOW_MMAP: 1 << 4,
  FUSE_PASSTHROUGH: 1 << 5,
  FUSE_NO_EXPORT_SUPPORT: 1 << 6,
  FUSE_HAS_RESEND: 1 << 7,
  FUSE_ALLOW_IDMAP: 1 << 8,
  FUSE_OVER_IO_URING: 1 << 9,
  FUSE_REQUEST_TIMEOUT: 1 << 10,
} as const;

/** fuse_open_out.open_flags: bypass the page cache for this open file. Shared mappings of it then fail with ENODEV. */
export const FOPEN_DIRECT_IO = 1 << 0;
/** Do not drop the page cache of the file on this open. */
export const FOPEN_KEEP_CACHE = 1 << 1;
export const FOPEN_NONSEEKABLE = 1 << 2;
/** The kernel may keep the listing of this directory. */
export const FOPEN_CACHE_DIR = 1 << 3;
export const FOPEN_STREAM = 1 << 4;
/** No FLUSH on close; ignored with FUSE_WRITEBACK_CACHE. */
export const FOPEN_NOFLUSH = 1 << 5;
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6;
export const FOPEN_PASSTHROUGH = 1 << 7;

/** fuse_open_in.flags, beside those of open(2): to be executed (`include/linux/fs.h`). */
export const FMODE_EXEC = 1 << 5;

/** fuse_setattr_in.valid. */
export const FATTR_MODE = 1 << 0;
export const FATTR_UID = 1 << 1;
export const FATTR_GID = 1 << 2;
export const FATTR_SIZE = 1 << 3;
export const FATTR_ATIME = 1 << 4;
export const FATTR_MTIME = 1 << 5;
export const FATTR_FH = 1 << 6;
export const FATTR_ATIME_NOW = 1 << 7;
export const FATTR_MTIME_NOW = 1 << 8;
export const FATTR_LOCKOWNER = 1 << 9;
export const FATTR_CTIME = 1 << 10;
export const FATTR_KILL_SUIDGID = 1 << 11;

/** fuse_getattr_in.getattr_flags: `fh` is valid. */
export const FUSE_GETATTR_FH = 1 << 0;
/** fuse_setxattr_in.setxattr_flags: with an access ACL goes the setgid bit, as whoever sets it is not in the group. */
export const FUSE_SETXATTR_ACL_KILL_SGID = 1 << 0;
/** fuse_setxattr_in where FUSE_SETXATTR_EXT was not agreed on. */
export const FUSE_COMPAT_SETXATTR_IN_SIZE = 8;
/** fuse_fsync_in.fsync_flags: data only. */
export const FUSE_FSYNC_FDATASYNC = 1 << 0;
/** fuse_write_in.write_flags: from the page cache, by any handle that is open for writing. */
export const FUSE_WRITE_CACHE = 1 << 0;
/** fuse_write_in.write_flags: setuid and setgid bits are to go. */
export const FUSE_WRITE_KILL_SUIDGID = 1 << 2;
/** fuse_lk_in.lk_flags: flock(2), not a range. */
export const FUSE_LK_FLOCK = 1 << 0;
/** fuse_notify_inval_entry_out.flags: end the entry's lifetime instead of dropping it. */
export const FUSE_EXPIRE_ONLY = 1 << 0;

/** The smallest buffer with which the device may be read. */
export const FUSE_MIN_READ_BUFFER = 8192;

export const fuse_in_header = {
  sizeof: 40,
  len: 0,
  opcode: 4,
  unique: 8,
  nodeid: 16,
  uid: 24,
  gid: 28,
  pid: 32,
  total_extlen: 36,
} as const;

export const fuse_out_header = { sizeof: 16, len: 0, error: 4, unique: 8 } as const;

export const fuse_attr = {
  sizeof: 88,
  ino: 0,
  size: 8,
  blocks: 16,
  atime: 24,
  mtime: 32,
  ctime: 40,
  atimensec: 48,
  mtimensec: 52,
  ctimensec: 56,
  mode: 60,
  nlink: 64,
  uid: 68,
  gid: 72,
  rdev: 76,
  blksize: 80,
  flags: 84,
} as const;

export const fuse_entry_out = {
  sizeof: 128,
  nodeid: 0,
  generation: 8,
  entry_valid: 16,
  attr_valid: 24,
  entry_valid_nsec: 32,
  attr_valid_nsec: 36,
  attr: 40,
} as const;

export const fuse_attr_out = { sizeof: 104, attr_valid: 0, attr_valid_nsec: 8, attr: 16 } as const;

export const fuse_open_out = { sizeof: 16, fh: 0, open_flags: 8, backing_id: 12 } as const;

export const fuse_write_out = { sizeof: 8, size: 0 } as const;

/** struct fuse_statfs_out is this and nothing else. */
export const fuse_kstatfs = {
  sizeof: 80,
  blocks: 0,
  bfree: 8,
  bavail: 16,
  files: 24,
  ffree: 32,
  bsize: 40,
  namelen: 44,
  frsize: 48,
} as const;

/** The name follows at `sizeof`; each entry is padded to 8 bytes. */
export const fuse_dirent = { sizeof: 24, ino: 0, off: 8, namelen: 16, type: 20 } as const;

/** A fuse_entry_out before a fuse_dirent. */
export const fuse_direntplus = { sizeof: 152, entry_out: 0, dirent: 128 } as const;

export const fuse_forget_in = { sizeof: 8, nlookup: 0 } as const;

/** `count` of fuse_forget_one follow. */
export const fuse_batch_forget_in = { sizeof: 8, count: 0 } as const;

export const fuse_forget_one = { sizeof: 16, nodeid: 0, nlookup: 8 } as const;

export const fuse_getattr_in = { sizeof: 16, getattr_flags: 0, fh: 8 } as const;

export const fuse_setattr_in = {
  sizeof: 88,
  valid: 0,
  fh: 8,
  size: 16,
  lock_owner: 24,
  atime: 32,
  mtime: 40,
  ctime: 48,
  atimensec: 56,
  mtimensec: 60,
  ctimensec: 64,
  mode: 68,
  uid: 76,
  gid: 80,
} as const;

/** The name follows. */
export const fuse_mknod_in = { sizeof: 16, mode: 0, rdev: 4, umask: 8 } as const;

/** The name follows. */
export const fuse_mkdir_in = { sizeof: 8, mode: 0, umask: 4 } as const;

/** The old name and the new name follow. */
export const fuse_rename_in = { sizeof: 8, newdir: 0 } as const;

/** The old name and the new name follow. */
export const fuse_rename2_in = { sizeof: 16, newdir: 0, flags: 8 } as const;

/** The new name follows. */
export const fuse_link_in = { sizeof: 8, oldnodeid: 0 } as const;

export const fuse_open_in = { sizeof: 8, flags: 0, open_flags: 4 } as const;

/** The name follows. Also of TMPFILE, whose name means nothing. */
export const fuse_create_in = { sizeof: 16, flags: 0, mode: 4, umask: 8, open_flags: 12 } as const;

export const fuse_release_in = { sizeof: 24, fh: 0, flags: 8, release_flags: 12, lock_owner: 16 } as const;

export const fuse_flush_in = { sizeof: 24, fh: 0, lock_owner: 16 } as const;

/** Also of READDIR and READDIRPLUS. */
export const fuse_read_in = {
  sizeof: 40,
  fh: 0,
  offset: 8,
  size: 16,
  read_flags: 20,
  lock_owner: 24,
  flags: 32,
} as const;

/** The data follow. */
export const fuse_write_in = {
  sizeof: 40,
  fh: 0,
  offset: 8,
  size: 16,
  write_flags: 20,
  lock_owner: 24,
  flags: 32,
} as const;

/** Also of LISTXATTR. Of GETXATTR, the name follows. `size` 0 asks for the length alone. */
export const fuse_getxattr_in = { sizeof: 8, size: 0 } as const;

/** The answer where the length alone was asked for. */
export const fuse_getxattr_out = { sizeof: 8, size: 0 } as const;

/** The name and the value follow. */
export const fuse_setxattr_in = { sizeof: 16, size: 0, flags: 4, setxattr_flags: 8 } as const;

export const fuse_fallocate_in = { sizeof: 32, fh: 0, offset: 8, length: 16, mode: 24 } as const;

export const fuse_lseek_in = { sizeof: 24, fh: 0, offset: 8, whence: 16 } as const;

export const fuse_lseek_out = { sizeof: 8, offset: 0 } as const;

/** Also of COPY_FILE_RANGE_64; COPY_FILE_RANGE is answered with a fuse_write_out. */
export const fuse_copy_file_range_in = {
  sizeof: 56,
  fh_in: 0,
  off_in: 8,
  nodeid_out: 16,
  fh_out: 24,
  off_out: 32,
  len: 40,
  flags: 48,
} as const;

/** Of COPY_FILE_RANGE_64. */
export const fuse_copy_file_range_out = { sizeof: 8, bytes_copied: 0 } as const;

export const fuse_statx_in = { sizeof: 24, getattr_flags: 0, fh: 8, sx_flags: 16, sx_mask: 20 } as const;

export const fuse_statx_out = { sizeof: 288, attr_valid: 0, attr_valid_nsec: 8, flags: 12, stat: 32 } as const;

/** Times are fuse_sx_time: seconds, and nanoseconds at 8. */
export const fuse_statx = {
  sizeof: 256,
  mask: 0,
  blksize: 4,
  attributes: 8,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  attributes_mask: 56,
  atime: 64,
  btime: 80,
  ctime: 96,
  mtime: 112,
  rdev_major: 128,
  rdev_minor: 132,
  dev_major: 136,
  dev_minor: 140,
} as const;

export const fuse_sx_time = { sizeof: 16, tv_sec: 0, tv_nsec: 8 } as const;

/** Also of FSYNCDIR. */
export const fuse_fsync_in = { sizeof: 16, fh: 0, fsync_flags: 8 } as const;

export const fuse_access_in = { sizeof: 8, mask: 0 } as const;

/** `end` is the last byte; `type` is F_RDLCK, F_WRLCK or F_UNLCK. */
export const fuse_file_lock = { sizeof: 24, start: 0, end: 8, type: 16, pid: 20 } as const;

/** `lk` is a fuse_file_lock. */
export const fuse_lk_in = { sizeof: 48, fh: 0, owner: 8, lk: 16, lk_flags: 40 } as const;

/** A fuse_file_lock. */
export const fuse_lk_out = { sizeof: 24, lk: 0 } as const;

export const fuse_interrupt_in = { sizeof: 8, unique: 0 } as const;

/** Before 7.36 it ended after `flags`. */
export const fuse_init_in = {
  sizeof: 64,
  sizeofBefore36: 16,
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  flags2: 16,
} as const;

/** max_background, congestion_threshold, max_pages and map_alignment have 16 bits. */
export const fuse_init_out = {
  sizeof: 64,
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  max_background: 16,
  congestion_threshold: 18,
  max_write: 20,
  time_gran: 24,
  max_pages: 28,
  map_alignment: 30,
  flags2: 32,
} as const;

export const fuse_notify_inval_inode_out = { sizeof: 24, ino: 0, off: 8, len: 16 } as const;

/** The name and a NUL follow. */
export const fuse_notify_inval_entry_out = { sizeof: 16, parent: 0, namelen: 8, flags: 12 } as const;

/** The name and a NUL follow. */
export const fuse_notify_delete_out = { sizeof: 24, parent: 0, child: 8, namelen: 16 } as const;

/** The data follow. */
export const fuse_notify_store_out = { sizeof: 24, nodeid: 0, offset: 8, size: 16 } as const;
