import type { ByteString } from "../../../lib/bytes/mod.ts";
import * as protocol from "../../../lib/protocol/mod.ts";

/** One instance of a message, and its bytes. */
export interface Sample {
  readonly message: unknown;
  readonly bytes: Uint8Array;
  readonly encode: (message: never) => Uint8Array;
  readonly decode: (body: Uint8Array) => unknown;
}

/** Bytes written as hexadecimal digits; blanks do not count. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** A name that is not UTF-8. */
export const name = "a\x80" as ByteString;
const NAME = "0200 6180";

export const stat: protocol.FileAttr = {
  dev: 8 * 0x1_0000_0000 + 1,
  ino: 0xfedc_ba98_7654_3210n,
  size: 0x1_0000_0002,
  blocks: 3,
  atime: -1,
  atimeNsec: 999_999_999,
  mtime: 0x1_0000_0000,
  mtimeNsec: 1,
  ctime: 4,
  ctimeNsec: 5,
  btime: 0,
  btimeNsec: 0,
  mode: 0o104755,
  nlink: 6,
  uid: 0xffff_fffe,
  gid: 7,
  rdev: 0x0801,
  blksize: 4096,
  mount: 29,
  traits: 5,
  xattrNames: "user.a\0b\x80\0" as ByteString,
};

/** The attributes without the names. */
const FIXED = `
  01000000 08000000 · 10325476 98badcfe · 02000000 01000000 · 03000000 00000000
  ffffffff ffffffff · 00000000 01000000 · 04000000 00000000 · 00000000 00000000
  ffc99a3b · 01000000 · 05000000 · 00000000
  ed890000 · 06000000 · feffffff · 07000000 · 01080000 · 00100000 · 1d000000 · 05`.replaceAll("·", "");
export const STAT = `${FIXED} 0a00 757365722e6100 628000`;

const namedRef = { kind: "name", dir: 2, name, dev: 8 * 0x1_0000_0000 + 1, ino: 0xffff_ffff_ffff_fffen };
const NAMED_REF = `00 02000000 0100000008000000 feffffffffffffff ${NAME}`;
const handleRef = { kind: "handle", fh: 0xffff_ffff };
const directoryRef = { kind: "directory", dir: 1 };

function sample(
  encode: (message: never) => Uint8Array,
  decode: (body: Uint8Array) => unknown,
  message: unknown,
  bytes: string,
): Sample {
  return { message, bytes: hex(bytes), encode, decode };
}

const p = protocol;

/** Messages about files. */
export const fileSamples: Record<string, Sample> = {
  "a name": sample(p.encodeName, p.decodeName, { dir: 0x0102_0304, name }, `04030201 ${NAME}`),
  "a named reference": sample(p.encodeRef, p.decodeRef, namedRef, NAMED_REF),
  "a reference by handle": sample(p.encodeRef, p.decodeRef, handleRef, "01 ffffffff"),
  "a reference to a directory": sample(p.encodeRef, p.decodeRef, directoryRef, "02 01000000"),
  "a number": sample(p.encodeNumber, p.decodeNumber, 0xffff_ffff, "ffffffff"),
  "a change of every attribute": sample(
    p.encodeSetAttr,
    p.decodeSetAttr,
    {
      ref: handleRef,
      mode: 0o7777,
      uid: 1,
      gid: 0xffff_fffe,
      size: 0x1_0000_0002,
      atime: { sec: -2, nsec: 999_999_999 },
      mtime: { sec: 0, nsec: 0x3fff_ffff },
    },
    `01 ffffffff 3f ff0f0000 01000000 feffffff 0200000001000000
     feffffffffffffff ffc99a3b 0000000000000000 ffffff3f`,
  ),
  "a change of the group alone": sample(
    p.encodeSetAttr,
    p.decodeSetAttr,
    {
      ref: namedRef,
      mode: undefined,
      uid: undefined,
      gid: 0,
      size: undefined,
      atime: undefined,
      mtime: undefined,
    },
    `${NAMED_REF} 04 00000000`,
  ),
  "a symbolic link": sample(
    p.encodeSymlink,
    p.decodeSymlink,
    { dir: 1, name, target: "../\xff" },
    `01000000 ${NAME} 0400 2e2e2fff`,
  ),
  "a node": sample(
    p.encodeMake,
    p.decodeMake,
    { dir: 1, name, mode: 0o020600, umask: 0o27, rdev: 0x0103 },
    `01000000 ${NAME} 80210000 17000000 03010000`,
  ),
  "a rename": sample(
    p.encodeRename,
    p.decodeRename,
    { dir: 1, name, toDir: 2, toName: "b", flags: 2 },
    `01000000 ${NAME} 02000000 0100 62 02000000`,
  ),
  "a hard link": sample(
    p.encodeLink,
    p.decodeLink,
    { ref: handleRef, toDir: 3, toName: name },
    `01 ffffffff 03000000 ${NAME}`,
  ),
  "an open": sample(
    p.encodeOpen,
    p.decodeOpen,
    { ref: namedRef, fh: 9, flags: 0o101002 },
    `${NAMED_REF} 09000000 02820000`,
  ),
  "a create": sample(
    p.encodeCreate,
    p.decodeCreate,
    { dir: 1, fh: 9, flags: 0o302, mode: 0o4755, umask: 0o27, name },
    `01000000 09000000 c2000000 ed090000 17000000 ${NAME}`,
  ),
  "a file without a name": sample(
    p.encodeTmpFile,
    p.decodeTmpFile,
    { dir: 1, fh: 9, flags: 0o20200002, mode: 0o4755, umask: 0o777 },
    "01000000 09000000 02004100 ed090000 ff010000",
  ),
  "a read": sample(
    p.encodeRead,
    p.decodeRead,
    { fh: 9, offset: 0x1_0000_0002, size: 0x10_0000 },
    "09000000 0200000001000000 00001000",
  ),
  "a sync": sample(p.encodeSync, p.decodeSync, { id: 9, dataOnly: true }, "09000000 01"),
  "an access check": sample(p.encodeAccess, p.decodeAccess, { ref: directoryRef, mask: 7 }, "02 01000000 07000000"),
  "an owner": sample(p.encodeOwner, p.decodeOwner, { uid: 1000, gid: 0xffff_fffe }, "e8030000 feffffff"),
  "what was found": sample(p.encodeLookupOut, p.decodeLookupOut, { stat, target: undefined }, STAT),
  "a symbolic link that was found": sample(
    p.encodeLookupOut,
    p.decodeLookupOut,
    { stat, target: "../\xff" },
    `${STAT} 0400 2e2e2fff`,
  ),
  "a name that is gone": sample(p.encodeChanged, p.decodeChanged, { dir: 3, name }, `03000000 ${NAME} 00`),
  "a name that has changed": sample(
    p.encodeChanged,
    p.decodeChanged,
    { dir: 3, name, found: { stat, target: "../\xff" } },
    `03000000 ${NAME} 01 ${STAT} 0400 2e2e2fff`,
  ),
  "a directory that has changed": sample(
    p.encodeDirectoryChanged,
    p.decodeDirectoryChanged,
    { dir: 3, stat },
    `03000000 ${STAT}`,
  ),
  "attributes of a file that is watched": sample(
    p.encodeStat,
    p.decodeStat,
    { ...stat, isWatched: true },
    STAT.replace(
      /(?<traits>\w\w) 0a00/,
      (all, traits) => all.replace(traits, (parseInt(traits, 16) | 0x80).toString(16)),
    ),
  ),
  "attributes": sample(p.encodeStat, p.decodeStat, stat, STAT),
  "attributes of a file without extended ones": sample(
    p.encodeStat,
    p.decodeStat,
    { ...stat, xattrNames: "" },
    `${FIXED} 0000`,
  ),
  "attributes and no word of extended ones": sample(
    p.encodeStat,
    p.decodeStat,
    { ...stat, xattrNames: undefined },
    `${FIXED} ffff`,
  ),
  "a reference to an extended attribute": sample(
    p.encodeXattrRef,
    p.decodeXattrRef,
    { ref: handleRef, name },
    `01 ffffffff ${NAME}`,
  ),
  "an extended attribute": sample(
    p.encodeSetXattr,
    p.decodeSetXattr,
    { ref: namedRef, name, flags: 2, killSetgid: true, value: Uint8Array.of(0, 255) },
    `${NAMED_REF} ${NAME} 02000000 01 02000000 00ff`,
  ),
  "a range": sample(
    p.encodeAllocate,
    p.decodeAllocate,
    { fh: 9, offset: 0x1_0000_0002, length: Number.MAX_SAFE_INTEGER, mode: 3 },
    "09000000 0200000001000000 ffffffffffff1f00 03000000",
  ),
  "a search": sample(
    p.encodeSeek,
    p.decodeSeek,
    { fh: 9, offset: 0x1_0000_0002, whence: 4 },
    "09000000 0200000001000000 04",
  ),
  "a position": sample(p.encodePosition, p.decodePosition, 0x1_0000_0002, "0200000001000000"),
  "a copy": sample(
    p.encodeCopy,
    p.decodeCopy,
    { from: 9, fromOffset: 1, to: 8, toOffset: 0x1_0000_0002, length: 3 },
    "09000000 0100000000000000 08000000 0200000001000000 0300000000000000",
  ),
  "what was copied": sample(
    p.encodeCopied,
    p.decodeCopied,
    { copied: 0x1_0000_0002, stat },
    `0200000001000000 ${STAT}`,
  ),
  "the answer to a change of names": sample(
    p.encodeNamesChanged,
    p.decodeNamesChanged,
    { answer: Uint8Array.of(1, 2), directories: [undefined, stat] },
    `02000000 0102 02 00000000 ${hex(STAT).length.toString(16)}000000 ${STAT}`,
  ),
  "the answer to a write": sample(p.encodeWritten, p.decodeWritten, { written: 258, stat }, `02010000 ${STAT}`),
};

const range = { type: 1, start: 0x1_0000_0002n, end: 0x7fff_ffff_ffff_ffffn };
const RANGE = "01 0200000001000000 ffffffffffffff7f";

/** Messages about locks. */
export const lockSamples: Record<string, Sample> = {
  "a lock on a range": sample(
    p.encodeRangeLock,
    p.decodeRangeLock,
    { fh: 9, owner: 0xfedc_ba98_7654_3210n, pid: 7, wait: 0xffff_ffff, lock: range },
    `09000000 1032547698badcfe 07000000 ffffffff ${RANGE}`,
  ),
  "a lock that is held": sample(p.encodeHeldLock, p.decodeHeldLock, { pid: 7, lock: range }, `07000000 ${RANGE}`),
  "a lock on a file": sample(
    p.encodeFileLock,
    p.decodeFileLock,
    { fh: 9, wait: 3, type: 2 },
    "09000000 03000000 02",
  ),
  "a content under a lock": sample(
    p.encodeLocked,
    p.decodeLocked,
    { size: 0x1_0000_0002, mtime: -1, mtimeNsec: 5, ctime: 2, ctimeNsec: 999_999_999, settled: true },
    "0200000001000000 ffffffffffffffff 05000000 0200000000000000 ffc99a3b 01",
  ),
  "a close": sample(p.encodeFlush, p.decodeFlush, { fh: 9, owner: 1n }, "09000000 0100000000000000"),
};

/** Messages about directories and file systems. */
export const directorySamples: Record<string, Sample> = {
  "a bind": sample(
    p.encodeBind,
    p.decodeBind,
    { id: 5, parent: 1, name, dev: 1, ino: 2n },
    `05000000 01000000 0100000000000000 0200000000000000 ${NAME}`,
  ),
  "a request for a page": sample(
    p.encodeReadDir,
    p.decodeReadDir,
    { dir: 5, cookie: 0x7fff_ffff_ffff_ffffn, budget: 1 << 18 },
    "05000000 ffffffffffffff7f 00000400",
  ),
  "an empty page": sample(p.encodePage, p.decodePage, { entries: [], end: true }, "01 00000000"),
  "a page": sample(
    p.encodePage,
    p.decodePage,
    {
      entries: [
        { name, ino: 2n, type: 8, cookie: 3n, stat, target: undefined },
        { name: "b", ino: 4n, type: 0, cookie: 0x8000_0000_0000_0000n, stat: undefined, target: undefined },
        { name: "c", ino: 5n, type: 10, cookie: 1n, stat, target: "../\xff" },
      ],
      end: false,
    },
    `00 03000000
     0200000000000000 0300000000000000 08 01 ${NAME} ${STAT}
     0400000000000000 0000000000000080 00 00 0100 62
     0500000000000000 0100000000000000 0a 03 0100 63 ${STAT} 0400 2e2e2fff`,
  ),
  "a file system": sample(
    p.encodeStatFs,
    p.decodeStatFs,
    {
      blocks: 0x1_0000_0000,
      bfree: 2,
      bavail: 3,
      files: 4,
      ffree: 5,
      type: 0x9123683e,
      bsize: 4096,
      namelen: 255,
      frsize: 512,
    },
    `0000000001000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000
     3e682391 00100000 ff000000 00020000`,
  ),
};

const run = {
  path: "/bin/x",
  argv: ["x", "", "\xff"],
  env: ["A=\x80"],
  cwd: "/",
  uid: 1000,
  gid: 0xffff_fffe,
  groups: [27, 0x1_0000],
  umask: 0o27,
  directories: 2048,
  nofile: { soft: 1024, hard: Number.MAX_SAFE_INTEGER },
  root: stat,
};

const RUN = `
  06000000 2f62696e2f78
  03000000 01000000 78 00000000 01000000 ff
  01000000 03000000 413d80
  01000000 2f
  e8030000 feffffff 02000000 1b000000 00000100
  17000000 0004000000000000 ffffffffffff1f00
  ${STAT} 00080000`;

/** Messages about the command. */
export const commandSamples: Record<string, Sample> = {
  "a command without a terminal": sample(
    p.encodeRun,
    p.decodeRun,
    { ...run, terminal: undefined },
    `${RUN} 00`,
  ),
  "a command with a terminal": sample(
    p.encodeRun,
    p.decodeRun,
    {
      ...run,
      terminal: {
        window: { rows: 24, columns: 80, xPixels: 0x1234, yPixels: 0xffff },
        termios: Uint8Array.of(1, 2, 3),
      },
    },
    `${RUN} 01 1800 5000 3412 ffff 0300 010203`,
  ),
  "a channel": sample(
    p.encodeChannel,
    p.decodeChannel,
    { secret: hex("000102030405060708090a0b0c0d0e0f"), path: "/a\x80" },
    "000102030405060708090a0b0c0d0e0f 0300 2f6180",
  ),
  "an exit": sample(p.encodeRunOut, p.decodeRunOut, { kind: "exited", status: 255 }, "00 ff000000 00000000"),
  "an end by a signal": sample(p.encodeRunOut, p.decodeRunOut, { kind: "signaled", signal: 9 }, "01 09000000 00000000"),
  "a command that was not executed": sample(
    p.encodeRunOut,
    p.decodeRunOut,
    { kind: "notExecuted", errno: 13 },
    "02 0d000000 00000000",
  ),
  "a failure": sample(
    p.encodeRunOut,
    p.decodeRunOut,
    { kind: "failed", message: "é" },
    "03 00000000 02000000 c3a9",
  ),
  "a signal": sample(p.encodeSignal, p.decodeSignal, { signal: 15, group: true }, "0f 01"),
  "a window size": sample(
    p.encodeWindow,
    p.decodeWindow,
    { rows: 24, columns: 80, xPixels: 0x1234, yPixels: 0xffff },
    "1800 5000 3412 ffff",
  ),
};

const digest = "0123456789abcdef".repeat(4);

/** Messages about what is told ahead. */
export const startSamples: Record<string, Sample> = {
  "a directory of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "directory", dir: 0x8000_0001, parent: 1, name, watched: false }],
    `01 01000080 01000000 ${NAME}`,
  ),
  "a watched directory of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "directory", dir: 0x8000_0001, parent: 0x8000_0000, name, watched: true }],
    `02 01000080 00000080 ${NAME}`,
  ),
  "a missing name of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "entry", dir: 1, name }],
    `03 01000000 ${NAME}`,
  ),
  "a file of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "entry", dir: 1, name, found: { stat, target: undefined } }],
    `04 01000000 ${NAME} ${STAT}`,
  ),
  "a link of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "entry", dir: 1, name, found: { stat, target: "../\xff" } }],
    `05 01000000 ${NAME} ${STAT} 0400 2e2e2fff`,
  ),
  "the last name of a directory of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "complete", dir: 0xffff_ffff }],
    "06 ffffffff",
  ),
  "a chunk of a start pack": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "content", dir: 1, name, chunk: 0x0102_0304, digest }],
    `07 01000000 ${NAME} 04030201 ${digest}`,
  ),
  "a content of a walk": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "data", dir: 1, name, stat: { ...stat, size: 3 }, bytes: Uint8Array.of(1, 2) }],
    `08 01000000 ${NAME} ${STAT.replace("02000000 01000000", "03000000 00000000")} 02000000 0102`,
  ),
  "a directory of a walk that has a number": sample(
    p.encodePack,
    p.decodePack,
    [{ kind: "begin", dir: 2 }],
    "09 02000000",
  ),
  "the end of a walk": sample(p.encodePack, p.decodePack, [{ kind: "end", dir: 0x8000_0001 }], "0a 01000080"),
  "a walk": sample(
    p.encodeWalk,
    p.decodeWalk,
    {
      walk: 0x0102_0304,
      dir: 5,
      budget: 0x0040_0000,
      breadth: true,
      contents: false,
      packed: true,
      from: [1n, 0xffff_ffff_ffff_fffen],
    },
    "04030201 05000000 00004000 05 02 0100000000000000 feffffffffffffff",
  ),
  "a fetch": sample(
    p.encodeFetch,
    p.decodeFetch,
    { ref: namedRef, chunk: 0x0102_0304, flow: 0xffff_ffff },
    `ffffffff 04030201 ${NAMED_REF}`,
  ),
  "a trace": sample(
    p.encodeTrace,
    p.decodeTrace,
    [
      { kind: "name", path: "/usr/lib" },
      { kind: "content", path: "/usr/lib/a\x80", chunks: [0, 0x0102_0304] },
      { kind: "content", path: "/usr/li" },
      { kind: "listing", path: "/x" },
    ],
    `04000000
     00 0000 0800 2f7573722f6c6962 0000
     01 0800 0300 2f6180 0200 00000000 04030201
     01 0700 0000 0000
     02 0100 0100 78 0000`,
  ),
  "a program whose file is opened": sample(p.encodeStarted, p.decodeStarted, { path: "/a\x80" }, "0300 2f6180 0000"),
  "a program that runs": sample(
    p.encodeStarted,
    p.decodeStarted,
    { path: "/bin/a", running: { argv: ["a", "", "\xff"], cwd: "/" } },
    "0600 2f62696e2f61 0300 0100 2f 0100 61 0000 0100 ff",
  ),
  "files that were opened": sample(
    p.encodeCheck,
    p.decodeCheck,
    [{
      dir: 3,
      name,
      stat: { ino: 7n, size: 0x1_0000_0002, mtime: -1, mtimeNsec: 5, ctime: 2, ctimeNsec: 999_999_999 },
    }],
    `0100 03000000 0700000000000000 0200000001000000 ffffffffffffffff 0200000000000000 05000000 ffc99a3b ${NAME}`,
  ),
  "no files": sample(p.encodeCheck, p.decodeCheck, [], "0000"),
  "a program that is searched": sample(p.encodeSearched, p.decodeSearched, { name }, NAME),
};

/** Every message but a write, whose data has no length before it. */
export const samples: Record<string, Sample> = {
  ...fileSamples,
  ...lockSamples,
  ...directorySamples,
  ...commandSamples,
  ...startSamples,
};
