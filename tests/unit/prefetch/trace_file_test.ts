import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import {
  decodeTrace,
  encodeTrace,
  MAX_TRACE_BYTES,
  MAX_WANTS,
  type StoredTrace,
  type StoredWant,
} from "../../../lib/prefetch/trace_file.ts";

function want(path: string, kind: StoredWant["kind"] = "name", unused = 0): StoredWant {
  return { kind, path: path as ByteString, unused };
}

function trace(wants: StoredWant[]): StoredTrace {
  return { cwd: "/src" as ByteString, programFolders: ["/usr/bin", "/opt/\xff"] as ByteString[], wants };
}

/** A file with this text in its packed part. */
function fileOf(text: string | Uint8Array, header = "outrun trace 2\n"): Uint8Array {
  return new Uint8Array([...new TextEncoder().encode(header), ...gzipSync(text)]);
}

Deno.test("decodeTrace() gives back what encodeTrace() was given, byte for byte", () => {
  const allBytes = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join("").replaceAll("/", "");
  const full = trace([
    want("/usr/lib/a"),
    want("/usr/lib/a", "content", 1),
    want("/usr/lib/ab", "listing", 2),
    want("/"),
    want(`/${allBytes}`, "content", 15),
    want("/usr/lib/a\xc3\xa4"),
  ]);
  assert.deepEqual(decodeTrace(encodeTrace(full)), full);
  const empty = { cwd: "/" as ByteString, programFolders: [], wants: [] };
  assert.deepEqual(decodeTrace(encodeTrace(empty)), empty);
});

Deno.test("encodeTrace() leaves out the last wants beyond the limits", () => {
  const many = Array.from({ length: MAX_WANTS + 5 }, (_, i) => want(`/${i}`));
  assert.deepEqual(decodeTrace(encodeTrace(trace(many))).wants, many.slice(0, MAX_WANTS));
  const long = Array.from({ length: 2000 }, (_, i) => want(`/${i}/`.padEnd(4096, "\xff")));
  const file = encodeTrace(trace(long));
  const { wants } = decodeTrace(file);
  assert.deepEqual(wants, long.slice(0, wants.length));
  assert.equal(wants.length, Math.floor((MAX_TRACE_BYTES - 100) / 4098));
  assert.ok(file.length < MAX_TRACE_BYTES);
});

Deno.test("encodeTrace() makes less than 20 bytes of a usual want", () => {
  const modules = Array.from({ length: 5000 }, (_, i) => {
    const folder = `package_${Math.floor(i / 40)}`;
    return want(`/usr/lib/python3/dist-packages/${folder}/module_${(i * 7919) % 5000}.cpython-311.pyc`, "content");
  });
  assert.ok(encodeTrace(trace(modules)).length < 5000 * 20);
});

Deno.test("decodeTrace() throws on every damaged byte, and on what is missing or too much", () => {
  const file = encodeTrace(trace([want("/usr/lib/a"), want("/etc/passwd", "content")]));
  // Bytes 4 to 9 of gzip's header are a time and hints, which say nothing about the content.
  const free = [4, 5, 6, 7, 8, 9].map((at) => at + "outrun trace 2\n".length);
  for (let at = 0; at < file.length; at++) {
    if (free.includes(at)) continue;
    const damaged = file.slice();
    damaged[at] ^= 0x41;
    assert.throws(() => decodeTrace(damaged), `byte ${at}`);
  }
  for (let length = 0; length < file.length; length++) assert.throws(() => decodeTrace(file.subarray(0, length)));
  assert.throws(() => decodeTrace(new Uint8Array([...file, 1])));
});

Deno.test("decodeTrace() throws on what it did not write", () => {
  assert.equal(decodeTrace(fileOf("/\0" + "0\0" + "0\0" + "/a\0")).wants.length, 1);
  assert.throws(() => decodeTrace(fileOf("/\0" + "0\0" + "0\0" + "/a", "outrun trace 3\n")), /format/);
  assert.throws(() => decodeTrace(fileOf("/\0" + "00\0" + "0\0" + "/a")), /2 tags for 1 paths/);
  assert.throws(() => decodeTrace(fileOf("/\0" + "0\0" + "5\0" + "/a")), /paths/);
  assert.throws(() => decodeTrace(fileOf("/\0" + "0\0" + "0\0" + "/\u0100")), /bytes/);
  assert.throws(() => decodeTrace(fileOf(new Uint8Array([0x2f, 0xff]))));
  const many = MAX_WANTS + 1;
  assert.throws(() => decodeTrace(fileOf(`/\0${"0".repeat(many)}\0` + "0" + "\0/a".repeat(many))), /30001 tags/);
  const tooLong = "/".padEnd(9 * 1024 * 1024, "a");
  assert.throws(() => decodeTrace(fileOf("/\0" + "0\0" + "0\0" + tooLong)), "unpacks to more than a trace can be");
});
