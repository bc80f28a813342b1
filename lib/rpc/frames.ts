import { MAX_ERRNO } from "./errno.ts";
import { ProtocolError } from "./types.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes of a frame's header. */
export const HEADER_SIZE = 12;
/** What bulk data is cut into. */
export const PIECE_SIZE = 64 * KIB;
/** Largest payload: a piece of data and the body before it still fit one frame. */
export const MAX_PAYLOAD = PIECE_SIZE + 4 * KIB;
export const MAX_FRAME = HEADER_SIZE + MAX_PAYLOAD;
/** Largest request, body and data together, and the default limit of a reply. */
export const MAX_REQUEST = 4 * MIB + 64 * KIB;
/** Bytes of requests that were received, wholly or in part, and not answered. */
export const MAX_HELD = 64 * MIB;
/** Calls under way in one direction. */
export const MAX_CALLS = 65536;
/** Credit of each direction of a stream when it is opened. */
export const STREAM_WINDOW = 256 * KIB;
/** Bulk bytes received after which an acknowledgement is due. */
export const ACK_INTERVAL = 32 * KIB;
/** Largest id of a channel; 0 is the pipe itself. */
export const MAX_CHANNEL = 255;

/** What a frame is; the shapes stand in SPEC.md. */
export const Kind = {
  request: 1,
  reply: 2,
  error: 3,
  cancel: 4,
  notify: 5,
  data: 6,
  credit: 7,
  end: 8,
  ack: 9,
  leave: 10,
  left: 11,
} as const;

export const Flag = {
  /** Further pieces of this request or reply follow. */
  more: 1,
  /** The frame counts against the sender's link window. */
  bulk: 2,
} as const;

/** A frame's header: u32 length, u8 kind, u8 flags, u16 code, u32 id, little-endian. */
export interface Header {
  /** Bytes of payload behind the header. */
  readonly length: number;
  readonly kind: number;
  readonly flags: number;
  /** The op of a request or notification, the errno of an error, otherwise 0. */
  readonly code: number;
  /** The request's, the stream's or the channel's id, otherwise 0. */
  readonly id: number;
}

/** Which headers of one kind are well-formed. */
interface Shape {
  readonly flags: number;
  readonly length: readonly [number, number];
  readonly code: readonly [number, number];
  readonly maxId: number;
}

const NONE = [0, 0] as const;
const ANY_LENGTH = [0, MAX_PAYLOAD] as const;
const ANY_CODE = [0, 0xffff] as const;
const ANY_ID = 0xffff_ffff;
const PIECES = Flag.more | Flag.bulk;

/** By kind. */
const shapes: readonly (Shape | undefined)[] = [
  undefined,
  { flags: PIECES, length: ANY_LENGTH, code: ANY_CODE, maxId: ANY_ID },
  { flags: PIECES, length: ANY_LENGTH, code: NONE, maxId: ANY_ID },
  { flags: 0, length: NONE, code: [1, MAX_ERRNO], maxId: ANY_ID },
  { flags: 0, length: NONE, code: NONE, maxId: ANY_ID },
  { flags: 0, length: ANY_LENGTH, code: ANY_CODE, maxId: 0 },
  { flags: Flag.bulk, length: [1, MAX_PAYLOAD], code: NONE, maxId: ANY_ID },
  { flags: 0, length: [4, 4], code: NONE, maxId: ANY_ID },
  { flags: 0, length: NONE, code: NONE, maxId: ANY_ID },
  { flags: 0, length: [8, 8], code: NONE, maxId: MAX_CHANNEL },
  { flags: 0, length: NONE, code: NONE, maxId: MAX_CHANNEL },
  { flags: 0, length: [8, 8], code: NONE, maxId: MAX_CHANNEL },
];

/** Writes `header` to `into` at `at`. */
export function encodeHeader(into: Uint8Array, at: number, header: Header): void {
  const { length, code, id } = header;
  into[at] = length;
  into[at + 1] = length >>> 8;
  into[at + 2] = length >>> 16;
  into[at + 3] = length >>> 24;
  into[at + 4] = header.kind;
  into[at + 5] = header.flags;
  into[at + 6] = code;
  into[at + 7] = code >>> 8;
  into[at + 8] = id;
  into[at + 9] = id >>> 8;
  into[at + 10] = id >>> 16;
  into[at + 11] = id >>> 24;
}

/** Reads the header at `at` (12 bytes are there); throws {@link ProtocolError} on one that no peer may send. */
export function decodeHeader(bytes: Uint8Array, at: number): Header {
  const header = {
    length: u32(bytes, at),
    kind: bytes[at + 4],
    flags: bytes[at + 5],
    code: bytes[at + 6] | bytes[at + 7] << 8,
    id: u32(bytes, at + 8),
  };
  check(header);
  return header;
}

/** The u32 at `at`. */
export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

/** The u64 at `at`; a number that it cannot hold exactly is too large for anything that is counted here. */
export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 0x1_0000_0000;
}

/** The payload of ack and left. */
export function encodeTotal(total: number): Uint8Array {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, total >>> 0, true);
  view.setUint32(4, Math.floor(total / 0x1_0000_0000), true);
  return payload;
}

/** How many of `left` bytes the next piece takes: the last piece may be longer, so that a short head costs no extra frame. */
export function pieceLength(left: number): number {
  return left <= MAX_PAYLOAD ? left : PIECE_SIZE;
}

function check(header: Header): void {
  const { length, kind, flags, code, id } = header;
  const shape = shapes[kind];
  if (shape === undefined) throw new ProtocolError(`Cannot read a frame: kind ${kind} is unknown`);
  const minimum = flags !== 0 && shape.length[0] === 0 ? 1 : shape.length[0];
  if (length < minimum || length > shape.length[1]) refuse(kind, `length ${length}`);
  if ((flags & ~shape.flags) !== 0) refuse(kind, `flags ${flags}`);
  if (code < shape.code[0] || code > shape.code[1]) refuse(kind, `code ${code}`);
  if (id > shape.maxId) refuse(kind, `id ${id}`);
}

function refuse(kind: number, what: string): never {
  throw new ProtocolError(`Cannot read a frame of kind ${kind}: ${what} is not allowed`);
}
