import { log, Progress } from "../log/mod.ts";
import { libraries, type NamedPiece } from "./carried.ts";
import { DialError } from "./dial_error.ts";
import { readRange } from "./hash_file.ts";
import { installText } from "./install_script.ts";
import { pack, type Packed, pruneCache } from "./pack.ts";
import type { Probe } from "./probe.ts";
import type { RemoteShell } from "./remote_shell.ts";
import type { Executable } from "./self.ts";

const PIECE_BYTES = 128 * 1024;
/** What is longer goes on where another upload of it stopped; for what is shorter, asking costs more than it saves. */
const RESUMED_BYTES = 64 * 1024;

export interface InstallOptions {
  readonly probe: Probe;
  readonly executable: Executable;
  /** The agent's arguments. */
  readonly args: readonly string[];
  /** Where packed pieces are kept; undefined: nowhere. */
  readonly cache: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Brings to the other machine what it lacks of the agent, and has the shell start it: what that says is left to the
 * caller to hear. Returns the number of bytes sent.
 * The runtime comes last: the other pieces are sent again after the link was cut, and it goes on where it stopped.
 */
export async function install(shell: RemoteShell, options: InstallOptions): Promise<number> {
  const { probe, executable, cache } = options;
  await shell.send(installText(options.args));
  await shell.answer(["ready"]);
  const form = probe.libc === "glibc" ? "native" : "carried";
  const pieces: NamedPiece[] = [{ name: "payload", ...executable.payload }, { name: "base", ...executable.base }];
  if (form === "carried") pieces.unshift(...await libraries(executable.path));
  const missing = await findMissing(shell, pieces);
  const packed = await Promise.all(missing.map(async (piece) => ({ piece, packed: await packPiece(piece, options) })));
  let sent = 0;
  for (const one of packed) sent += await bring(shell, one, options.signal);
  if (cache !== undefined) await pruneCache(cache, pieces);
  await shell.send(`run ${form}\n`);
  return sent;
}

/** The pieces that no installed agent holds. */
async function findMissing(shell: RemoteShell, pieces: readonly NamedPiece[]): Promise<NamedPiece[]> {
  await shell.send(pieces.map(({ name, size, sha256 }) => `find ${name} ${size} ${sha256}\n`).join(""));
  const missing: NamedPiece[] = [];
  for (const piece of pieces) {
    const [, found] = await shell.answer(["found"], { slow: true });
    if (found !== "yes") missing.push(piece);
  }
  return missing;
}

function packPiece(piece: NamedPiece, { probe, executable, cache, signal }: InstallOptions): Promise<Packed> {
  const shipped = `${executable.path.replace(/\/[^/]*$/, "")}/packed`;
  return pack(piece, { tools: probe.tools, cache, shipped, signal });
}

interface OnePiece {
  readonly piece: NamedPiece;
  readonly packed: Packed;
}

/**
 * Sends a piece; returns the number of bytes. One that arrives damaged is sent once more: what had been there before may
 * be to blame.
 */
async function bring(shell: RemoteShell, one: OnePiece, signal?: AbortSignal): Promise<number> {
  const first = await upload(shell, one, signal);
  if (first.damaged === undefined) return first.sent;
  log.debug(`the upload arrived damaged (${first.damaged}); once more`);
  const second = await upload(shell, one, signal);
  if (second.damaged === undefined) return first.sent + second.sent;
  throw new DialError(`Cannot install on "${shell.target}": the upload arrived damaged twice: ${second.damaged}`);
}

interface Upload {
  readonly sent: number;
  /** Why the other side has thrown it away. */
  readonly damaged?: string;
}

async function upload(shell: RemoteShell, { piece, packed }: OnePiece, signal?: AbortSignal): Promise<Upload> {
  const from = packed.size > RESUMED_BYTES ? await claim(shell, packed) : 0;
  const left = packed.size - from;
  log.debug(`sending ${left} of ${packed.size} bytes of ${piece.name} (${packed.packing})`);
  const { name, size, sha256 } = piece;
  await shell.send(`put ${left} ${packed.size} ${packed.packing} ${name} ${size} ${sha256}\n`);
  await sendFile(shell, packed, { from, signal });
  const [word, ...rest] = await shell.answer(["ok", "damaged"], { slow: true });
  if (word === "damaged") return { sent: left, damaged: rest.join(" ") };
  if (rest[0] === "unchecked") log.debug(`there is no sha256sum on ${shell.target}: ${name} was not checked`);
  return { sent: left };
}

/** How many bytes of it are there. */
async function claim(shell: RemoteShell, packed: Packed): Promise<number> {
  await shell.send(`claim ${packed.sha256}\n`);
  const there = Number((await shell.answer(["part"], { slow: true }))[1]);
  return there > 0 && there <= packed.size ? there : 0;
}

/** Sends it from `from` on; stops early when the other side has gone: its last answer says why. */
async function sendFile(
  shell: RemoteShell,
  packed: Packed,
  { from, signal }: { from: number; signal?: AbortSignal },
): Promise<void> {
  const progress = new Progress({ label: `copying itself to ${shell.target}`, total: packed.size, from });
  const left = { path: packed.path, from: packed.from + from, size: packed.size - from };
  let at = from;
  try {
    for await (const bytes of readRange(left, PIECE_BYTES)) {
      signal?.throwIfAborted();
      if (!await shell.sendBytes(bytes)) return;
      progress.update(at += bytes.length);
    }
  } finally {
    progress.done();
  }
  if (at < packed.size) throw new DialError(`Cannot read "${packed.path}": it has become shorter; try again`);
}
