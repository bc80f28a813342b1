/**
 * Run by serving_process_test.ts with a limit on file sizes (1 GiB at most) and a strict umask: prints
 * the mode of a new file, and what a write beyond the limit gives.
 *
 * @module
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import { createFileServer, prepareProcess } from "../../../lib/fileserver/mod.ts";
import { decodeStat, encodeCreate, encodeWrite, FileOp } from "../../../lib/protocol/mod.ts";
import type { Incoming } from "../../../lib/rpc/mod.ts";

let errno = 0;
let answer = new Uint8Array();
const directory = Deno.makeTempDirSync({ prefix: "outrun_fileserver_" });
const server = createFileServer({ wake: () => {}, root: fromText(directory) });

function ask(op: number, body: Uint8Array): void {
  const incoming: Incoming = {
    op,
    body,
    signal: new AbortController().signal,
    reply: (bytes) => answer = bytes.slice(),
    replyBulk: () => {},
    fail: (value) => errno = value,
  };
  server.request(incoming);
}

try {
  prepareProcess();
  ask(FileOp.CREATE, encodeCreate({ dir: 1, name: fromText("file"), fh: 1, flags: 1, mode: 0o666, umask: 0 }));
  const { mode } = decodeStat(answer);
  ask(FileOp.WRITE, new Uint8Array([...encodeWrite({ fh: 1, offset: 4 * 2 ** 30 }), 1]));
  console.log(JSON.stringify({ mode: mode & 0o7777, errno }));
} finally {
  server.close();
  Deno.removeSync(directory, { recursive: true });
}
