import { log, Progress } from "../log/mod.ts";
import { DialError } from "./dial_error.ts";
import { choosePacking, pack, type Packed } from "./pack.ts";
import type { Probe } from "./probe.ts";
import type { RemoteShell } from "./remote_shell.ts";
import type { Executable } from "./self.ts";

const PIECE_BYTES = 128 * 1024;

export interface InstallOptions {
  readonly probe: Probe;
  readonly executable: Executable;
  /** Where packed executables are kept; undefined: nowhere. */
  readonly cache: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Brings the agent to the other machine, from where an interrupted upload stopped, and has it started. Returns the
 * number of bytes sent. An upload that arrives damaged is made once more: what had been there before may be to blame.
 */
export async function install(shell: RemoteShell, options: InstallOptions): Promise<number> {
  const { probe, executable, cache, signal } = options;
  const packed = await pack(executable, { packing: await choosePacking(probe.tools), cache, signal });
  const first = await upload(shell, packed, signal);
  if (first.damaged === undefined) return first.sent;
  log.debug(`the upload arrived damaged (${first.damaged}); once more`);
  const second = await upload(shell, packed, signal);
  if (second.damaged === undefined) return first.sent + second.sent;
  throw new DialError(`Cannot install on "${shell.target}": the upload arrived damaged twice: ${second.damaged}`);
}

interface Upload {
  readonly sent: number;
  /** Why the other side has thrown it away. */
  readonly damaged?: string;
}

async function upload(shell: RemoteShell, packed: Packed, signal?: AbortSignal): Promise<Upload> {
  await shell.send(`claim ${packed.sha256}\n`);
  const there = Number((await shell.answer(["part"]))[1]);
  const from = there > 0 && there <= packed.size ? there : 0;
  const left = packed.size - from;
  log.debug(`sending ${left} of ${packed.size} bytes (${packed.packing})`);
  await shell.send(`put ${left} ${packed.size} ${packed.packing}\n`);
  await sendFile(shell, packed, { from, signal });
  const [word, ...rest] = await shell.answer(["ok", "damaged"], { slow: true });
  if (word === "damaged") return { sent: left, damaged: rest.join(" ") };
  if (rest[0] === "unchecked") log.debug(`there is no sha256sum on ${shell.target}: the agent's hash was not checked`);
  return { sent: left };
}

/** Sends the file from `from` on; stops early when the other side has gone: its last answer says why. */
async function sendFile(
  shell: RemoteShell,
  packed: Packed,
  options: { from: number; signal?: AbortSignal },
): Promise<void> {
  const progress = new Progress({
    label: `copying itself to ${shell.target}`,
    total: packed.size,
    from: options.from,
  });
  using file = await Deno.open(packed.path);
  const piece = new Uint8Array(PIECE_BYTES);
  try {
    await file.seek(options.from, Deno.SeekMode.Start);
    for (let at = options.from; at < packed.size;) {
      options.signal?.throwIfAborted();
      const count = await file.read(piece.subarray(0, Math.min(PIECE_BYTES, packed.size - at)));
      if (count === null) throw new DialError(`Cannot read "${packed.path}": it has become shorter; try again`);
      if (!await shell.sendBytes(piece.subarray(0, count))) return;
      progress.update(at += count);
    }
  } finally {
    progress.done();
  }
}
