/** The file server without a link: what one request costs. */
import { fromText } from "../../lib/bytes/mod.ts";
import { createFileServer, type FileServer } from "../../lib/fileserver/mod.ts";
import {
  decodeLookupOut,
  decodePage,
  encodeName,
  encodeNumber,
  encodeOpen,
  encodeRead,
  encodeReadDir,
  FileNote,
  FileOp,
  MAX_PAGE,
  type NamedRef,
} from "../../lib/protocol/mod.ts";
import type { BulkSource, Incoming } from "../../lib/rpc/mod.ts";

const SECONDS = 1;
const ENTRIES = 5000;
const PIECE = 1 << 16;
const FILE = 64 << 20;

const signal = new AbortController().signal;
let reply = new Uint8Array();
let source: BulkSource | undefined;

function request(server: FileServer, op: number, body: Uint8Array): void {
  const incoming: Incoming = {
    op,
    body,
    signal,
    reply: (bytes) => reply = bytes.slice(),
    replyBulk: (_flow, bulk) => source = bulk,
    fail: (errno) => {
      throw new Error(`Cannot measure: operation ${op} gave errno ${errno}`);
    },
  };
  server.request(incoming);
}

/** Microseconds for each of what `work` returns the number of. */
function measure(work: () => number): string {
  work();
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < SECONDS * 1000) count += work();
  return `${((performance.now() - start) / count * 1000).toFixed(2)} µs`;
}

function lookups(server: FileServer): number {
  for (let i = 0; i < 1000; i++) {
    request(server, FileOp.LOOKUP, encodeName({ dir: 1, name: fromText(`file ${i}`) }));
  }
  return 1000;
}

function openAndRelease(server: FileServer, ref: NamedRef): number {
  for (let i = 0; i < 1000; i++) {
    request(server, FileOp.OPEN, encodeOpen({ ref, fh: 7, flags: 0 }));
    server.notify(FileNote.RELEASE, encodeNumber(7));
  }
  return 1000;
}

function list(server: FileServer): number {
  let count = 0;
  for (let cookie = 0n;;) {
    request(server, FileOp.READDIR, encodeReadDir({ dir: 1, cookie, budget: MAX_PAGE }));
    const { entries, end } = decodePage(reply);
    count += entries.length;
    if (end) return count;
    cookie = entries[entries.length - 1].cookie;
  }
}

function readCached(server: FileServer, into: Uint8Array): number {
  let count = 0;
  for (let offset = 0; offset < FILE; offset += 1 << 20) {
    request(server, FileOp.READ, encodeRead({ fh: 1, offset, size: 1 << 20 }));
    while (source!.pull(into) > 0) count++;
  }
  return count;
}

const directory = Deno.makeTempDirSync();
try {
  for (let i = 0; i < ENTRIES; i++) Deno.writeTextFileSync(`${directory}/file ${i}`, "");
  Deno.writeFileSync(`${directory}/large`, new Uint8Array(FILE));
  const server = createFileServer({ wake: () => {}, root: fromText(directory), waitsHere: true });
  const refTo = (text: string): NamedRef => {
    const name = fromText(text);
    request(server, FileOp.LOOKUP, encodeName({ dir: 1, name }));
    const { dev, ino } = decodeLookupOut(reply).stat;
    return { kind: "name", dir: 1, name, dev, ino };
  };
  const large = refTo("large");
  const into = new Uint8Array(PIECE);
  console.log(`LOOKUP                       ${measure(() => lookups(server))}`);
  console.log(`OPEN + RELEASE               ${measure(() => openAndRelease(server, large))}`);
  console.log(`READDIR, an entry            ${measure(() => list(server))} (decoding it included)`);
  request(server, FileOp.OPEN, encodeOpen({ ref: large, fh: 1, flags: 0 }));
  console.log(`READ, 64 KiB in page cache   ${measure(() => readCached(server, into))}`);
  server.close();
} finally {
  Deno.removeSync(directory, { recursive: true });
}
