import { addressOf, keepUntilHere, libc, negative } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

const MSGHDR_SIZE = 56;
const CMSG_HEADER_SIZE = 16;
/** Descriptors one message can carry here. */
const MAX_DESCRIPTORS = 4;

/** Two connected sockets that keep messages apart (SOCK_SEQPACKET), both close-on-exec. */
export function makeSocketPair(): readonly [number, number] | number {
  const ends = new Int32Array(2);
  const result = negative(libc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, new Uint8Array(ends.buffer)));
  return result < 0 ? result : [ends[0], ends[1]];
}

/** struct msghdr with one struct iovec behind it, for `bytes` and `control`. */
function messageHeader(bytes: Uint8Array<ArrayBuffer>, control: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(MSGHDR_SIZE + 16);
  const fields = new DataView(header.buffer);
  fields.setBigUint64(16, addressOf(header) + BigInt(MSGHDR_SIZE), true);
  fields.setBigUint64(24, 1n, true);
  if (control.length > 0) fields.setBigUint64(32, addressOf(control), true);
  fields.setBigUint64(40, BigInt(control.length), true);
  fields.setBigUint64(MSGHDR_SIZE, addressOf(bytes), true);
  fields.setBigUint64(MSGHDR_SIZE + 8, BigInt(bytes.length), true);
  return header;
}

/** Sends one message, which must not be empty (that reads as the end), and copies of descriptors along with it. */
export function sendMessage(fd: number, bytes: Uint8Array<ArrayBuffer>, descriptors: readonly number[] = []): number {
  const control = new Uint8Array(
    descriptors.length === 0 ? 0 : CMSG_HEADER_SIZE + Math.ceil(descriptors.length / 2) * 8,
  );
  if (descriptors.length > 0) {
    const fields = new DataView(control.buffer);
    fields.setBigUint64(0, BigInt(CMSG_HEADER_SIZE + descriptors.length * 4), true);
    fields.setInt32(8, SOL_SOCKET, true);
    fields.setInt32(12, SCM_RIGHTS, true);
    descriptors.forEach((descriptor, index) => fields.setInt32(CMSG_HEADER_SIZE + index * 4, descriptor, true));
  }
  const result = negative(libc().sendmsg(fd, messageHeader(bytes, control), MSG_NOSIGNAL));
  keepUntilHere(bytes, control);
  return result;
}

/** One message: its length (0 is the end) and the descriptors that came along, close-on-exec and the caller's. */
export interface Received {
  readonly length: number;
  readonly descriptors: number[];
}

/** Receives one message into `into`, which cuts off what does not fit. */
export function receiveMessage(fd: number, into: Uint8Array<ArrayBuffer>): Received | number {
  const control = new Uint8Array(CMSG_HEADER_SIZE + MAX_DESCRIPTORS * 4);
  const header = messageHeader(into, control);
  const length = negative(libc().recvmsg(fd, header, MSG_CMSG_CLOEXEC));
  keepUntilHere(into, control);
  if (length < 0) return length;
  const fields = new DataView(control.buffer);
  const descriptors: number[] = [];
  // The kernel writes back how much of the control buffer it used.
  if (new DataView(header.buffer).getUint32(40, true) >= CMSG_HEADER_SIZE && fields.getInt32(12, true) === SCM_RIGHTS) {
    const end = fields.getUint32(0, true);
    for (let at = CMSG_HEADER_SIZE; at < end; at += 4) descriptors.push(fields.getInt32(at, true));
  }
  return { length, descriptors };
}
