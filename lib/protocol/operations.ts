/** Requests of the agent to the local side: files. The reply is noted after the arrow. */
export const FileOp = {
  /** NameIn → LookupOut */
  LOOKUP: 1,
  /** FileRef → Stat */
  GETATTR: 2,
  /** SetAttrIn → Stat */
  SETATTR: 3,
  /** FileRef → the target's bytes */
  READLINK: 4,
  /** SymlinkIn → Stat */
  SYMLINK: 5,
  /** MakeIn → Stat */
  MKNOD: 6,
  /** MakeIn → Stat */
  MKDIR: 7,
  /** NameIn → nothing */
  UNLINK: 8,
  /** NameIn → nothing */
  RMDIR: 9,
  /** RenameIn → Stat of what is moved, or nothing where that is gone again */
  RENAME: 10,
  /** LinkIn → Stat */
  LINK: 11,
  /** OpenIn → Stat */
  OPEN: 12,
  /** CreateIn → Stat */
  CREATE: 13,
  /** ReadIn → bytes, in pieces; fewer than asked for only at the end of the file */
  READ: 14,
  /** WriteIn and the data → WriteOut */
  WRITE: 15,
  /** FlushIn → nothing: what close(2) would say of the file so far */
  FLUSH: 16,
  /** SyncIn → nothing */
  FSYNC: 17,
  /** ReadDirIn → DirPage */
  READDIR: 18,
  /** FileRef → StatFs */
  STATFS: 19,
  /** AccessIn → nothing */
  ACCESS: 20,
  /** SyncIn of a directory number → nothing */
  FSYNCDIR: 21,
  /** XattrRef → the value */
  GETXATTR: 30,
  /** SetXattrIn → Stat */
  SETXATTR: 31,
  /** FileRef → all names, a NUL after each */
  LISTXATTR: 32,
  /** XattrRef → Stat */
  REMOVEXATTR: 33,
  /** AllocateIn → Stat */
  FALLOCATE: 34,
  /** SeekIn → u64 offset */
  SEEK: 35,
  /** CopyIn → CopyOut */
  COPY: 36,
  /** TmpFileIn → Stat */
  TMPFILE: 37,
  /** RangeLockIn → HeldLock */
  GETLK: 40,
  /** RangeLockIn → LockedOut, nothing for F_UNLCK; EAGAIN, or EINTR after STOP_WAITING */
  SETLK: 41,
  /** FileLockIn → as SETLK */
  FLOCK: 42,
  /** FetchIn → the chunk, in blocks: see BLOCK_HEADER */
  FETCH: 50,
  /** WalkIn → PackRecords, in parts: see PART_HEADER */
  WALK: 51,
  /** BindIn → nothing: as the note of that name, in the log */
  BIND: 60,
  /** u32 → nothing: as the note of that name, in the log */
  RELEASE: 61,
  /** u32 → nothing: as the note of that name, in the log */
  UNBIND: 62,
} as const;

/**
 * Added to a FileOp: the request belongs to the log. These requests are carried out in the order in which they were made;
 * after the first that fails the others are refused (ECANCELED). Those that change names are answered with NamesChanged. See
 * ARCHITECTURE "Write-behind".
 */
export const LOGGED = 0x4000;

/** One-way messages of the agent to the local side. */
export const FileNote = {
  /** BindIn: from here on this number stands for that directory */
  BIND: 1,
  /** u32: the number is free again */
  UNBIND: 2,
  /** u32: the handle is closed */
  RELEASE: 3,
  /** u32 signal: the command was stopped by it (Ctrl-Z) */
  STOPPED: 4,
  /** OwnerNote: what is created from here on belongs to them, where the local side may do that */
  OWNER: 5,
  /** u32 wait: the lock that was asked for under this number is not wanted any more, unless it has been had */
  STOP_WAITING: 6,
  /** Touched things, as many notes as it takes, right before the answer to RUN: what the command asked for */
  TRACE: 7,
  /** Started: the command starts a program. What that is going to need can be told ahead of its requests */
  STARTED: 8,
  /** Searched, MAX_SEARCHES at most: the command searches PATH for a program. Where it is can be told ahead of its requests */
  SEARCHED: 9,
  /** CheckedFiles: they were opened as these. Those that are not are told (CHANGED) */
  CHECK: 10,
} as const;

/** Requests of the local side to the agent. */
export const AgentOp = {
  /** RunIn → RunOut, when the command has ended and everything it wrote is on the local side */
  RUN: 1,
  /** u32 count, at most MAX_TRANSFER, and bulk bytes that say nothing → count bulk bytes that say nothing: times the link */
  MEASURE: 2,
  /** u32 channel → ChannelOut: where a further channel of the link may come in */
  CHANNEL: 3,
} as const;

/** One-way messages of the local side to the agent. */
export const AgentNote = {
  /** SignalNote */
  SIGNAL: 1,
  /** WindowSize */
  RESIZE: 2,
  /** u32 stream: nobody reads it any more; the command gets SIGPIPE or EPIPE when it writes there */
  CLOSE_OUTPUT: 3,
  /** ChangedNote: a name was made, changed or removed in a directory that the agent has bound */
  CHANGED: 4,
  /** nothing: any name may have changed, and nothing is watched until WATCHED says so again */
  ALL_CHANGED: 5,
  /** u32 directory number: from here on every change in there is told */
  WATCHED: 6,
  /** PackRecords, before RUN and after it: what the command is going to ask for */
  PACK: 7,
  /** u32 length, then as many bytes of a PACK, as raw DEFLATE (RFC 1951) */
  DEFLATED_PACK: 8,
  /** DirectoryChangedNote: names were made or removed in there, all of them told, and it is this now */
  DIRECTORY_CHANGED: 9,
} as const;

/** The directory number that always stands for the exported root. */
export const ROOT_DIRECTORY = 1;

/** Most bytes of one READ or WRITE. */
export const MAX_TRANSFER = 1 << 20;

/** Numbers of the streams. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
