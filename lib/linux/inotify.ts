import { type ByteString, byteString, cString } from "../bytes/mod.ts";
import { libc, negative } from "./libc.ts";
import { O_CLOEXEC, O_NONBLOCK, read } from "./files.ts";
import { awaitReady, POLLIN } from "./poll.ts";

// linux/inotify.h
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_Q_OVERFLOW = 0x4000;
/** The watch is gone: it was removed, or what it was on. */
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
export const IN_DONT_FOLLOW = 0x2000000;
export const IN_MASK_ADD = 0x20000000;

/** An event of inotify(7). */
export interface WatchEvent {
  /** The watch, -1 when events were lost. */
  readonly watch: number;
  readonly mask: number;
  /** Empty for the directory itself. */
  readonly name: ByteString;
}

/** A descriptor for watches, or minus errno. Reading it does not wait. */
export function makeWatcher(): number {
  return negative(libc().inotify_init1(O_CLOEXEC | O_NONBLOCK));
}

/** Watches the directory behind a descriptor (O_PATH will do). The same directory has the same watch. */
export function addWatch(watcher: number, directory: number, mask: number): number {
  const path = cString(`/proc/self/fd/${directory}` as ByteString);
  return negative(libc().inotify_add_watch(watcher, path, mask | IN_ONLYDIR));
}

/**
 * Watches the file `name` in the directory behind a descriptor: what becomes of it by any of its names. What is watched
 * already goes on to be.
 */
export function addFileWatch(watcher: number, { dir, name }: { dir: number; name: ByteString }, mask: number): number {
  const path = cString(`/proc/self/fd/${dir}/${name}` as ByteString);
  return negative(libc().inotify_add_watch(watcher, path, mask | IN_DONT_FOLLOW | IN_MASK_ADD));
}

export function removeWatch(watcher: number, watch: number): number {
  return negative(libc().inotify_rm_watch(watcher, watch));
}

/** Until there are events, on a thread of the runtime's pool. */
export async function awaitEvents(watcher: number): Promise<void> {
  await awaitReady(watcher, POLLIN);
}

/** Bytes for {@link decodeEvents}, or minus errno: -EAGAIN when there are none. */
export function readEvents(watcher: number, into: Uint8Array<ArrayBuffer>): number {
  return read(watcher, into);
}

/** struct inotify_event: i32 watch, u32 mask, u32 cookie, u32 length, then the name, padded with NULs. */
export function decodeEvents(data: Uint8Array): WatchEvent[] {
  const events: WatchEvent[] = [];
  const fields = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length;) {
    const start = at + 16;
    const end = start + fields.getUint32(at + 12, true);
    const nul = data.indexOf(0, start);
    events.push({
      watch: fields.getInt32(at, true),
      mask: fields.getUint32(at + 4, true),
      name: byteString(data, start, nul >= start && nul < end ? nul : end),
    });
    at = end;
  }
  return events;
}
