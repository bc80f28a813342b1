import { Request, requestBuffer } from "../../../lib/fuse/request.ts";
import { Reply } from "../../../lib/fuse/reply.ts";

/** The bytes of a literal: hexadecimal digits, blanks anywhere, `"text"` for its ASCII codes. */
export function literal(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const [token] of text.matchAll(/"[^"]*"|[0-9a-f]+/g)) {
    if (token.startsWith('"')) {
      for (const char of token.slice(1, -1)) bytes.push(char.charCodeAt(0));
    } else {
      for (const [byte] of token.matchAll(/../g)) bytes.push(parseInt(byte, 16));
    }
  }
  return new Uint8Array(bytes);
}

/** Hexadecimal digits, four bytes a group. */
export function hex(bytes: Uint8Array): string {
  return bytes.toHex().replace(/.{8}(?=.)/g, "$& ");
}

/** Who asks what. */
export interface Header {
  readonly opcode?: number;
  readonly unique?: number;
  readonly nodeId?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
}

/** The bytes of a request: fuse_in_header and `body`, a {@link literal}. */
export function message(header: Header, body: string): Uint8Array<ArrayBuffer> {
  const { opcode = 0, unique = 2, nodeId = 1, uid = 1000, gid = 100, pid = 77 } = header;
  const content = literal(body);
  const bytes = new Uint8Array(40 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, opcode, true);
  view.setBigUint64(8, BigInt(unique), true);
  view.setBigUint64(16, BigInt(nodeId), true);
  view.setUint32(24, uid, true);
  view.setUint32(28, gid, true);
  view.setUint32(32, pid, true);
  bytes.set(content, 40);
  return bytes;
}

/** A received request with this body; what the buffer holds behind it is left over from another one. */
export function received(body: string): Request {
  const bytes = message({}, body);
  const buffer = requestBuffer(4096);
  buffer.bytes.fill(0x41);
  buffer.bytes.set(bytes);
  return new Request(buffer, bytes.length);
}

/** What `encode` appends to a reply, in {@link hex}. */
export function encoded(encode: (reply: Reply) => void): string {
  const reply = new Reply(4096);
  reply.bytes.fill(0xff);
  encode(reply);
  return hex(reply.bytes.slice(16, reply.length));
}
