/**
 * What changes in directories that the agent knows: an inotify event → a few ms later all events are taken → each name is
 * looked at once and told with its attributes. The agent's own changes come back as events too. Those whose outcome it
 * knew beforehand (its log) are taken out here, by kind and name, one for one ({@link Watches.caused}); the others it
 * compares with what it was told in the answer, and finds nothing new.
 */
import type { ByteString } from "../bytes/mod.ts";
import {
  addWatch,
  awaitEvents,
  close,
  decodeEvents,
  Errno,
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  makeWatcher,
  readEvents,
  removeWatch,
  statFs,
  type WatchEvent,
} from "../linux/mod.ts";
import { ROOT_DIRECTORY } from "../protocol/mod.ts";
import { LinkedFiles } from "./linked_files.ts";

/** A name comes or goes. The kernel makes one event of several others, if they are alike and follow each other; never of these. */
const KINDS = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const MASK = KINDS | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;
/** A name that changes again and again is told once in this time. */
const GATHER_MS = 20;
/** The kernel keeps fewer events than these reads take. */
const READS = 32;
/** More names than that at once are told as "anything may have changed". */
const MAX_NAMES = 4096;

/** What is told. */
export interface WatchListener {
  /** `name` in directory `number` was made, changed, or removed. */
  changed(number: number, name: ByteString): void;
  /** Names in directory `number` were made or removed, and are all told: it is changed, too. */
  namesChanged(number: number): void;
  /** Events were lost, or there will be none. What is still watched is told anew. */
  overflowed(): void;
  /** Whether telling is to wait: changes of the same name meanwhile become one. */
  isCongested(): boolean;
  /** After an overflow: from here on changes in directory `number` are told again. */
  watched(number: number): void;
}

/** The watches on bound directories. Where none can be had, the agent asks again after a second, as without them. */
export class Watches {
  readonly #listener: WatchListener;
  readonly #watcher: number;
  #reading: Promise<void> | undefined;
  readonly #buffer = new Uint8Array(64 * 1024);
  /** Several numbers may stand for one directory over time. */
  readonly #numbers = new Map<number, Set<number>>();
  readonly #watches = new Map<number, number>();
  readonly #linked: LinkedFiles;
  #changed = new Map<number, Set<ByteString>>();
  /** Those of these directories in which names came or went. */
  #moved = new Set<number>();
  #names = 0;
  #timer: number | undefined;
  /** Resolves when what there was to be told is told. */
  #told = Promise.withResolvers<void>();
  #closed = false;
  /** Events to come of the agent's own changes, by watch: how many, by kind and name. */
  readonly #own = new Map<number, Map<string, number>>();
  #isQuiet = false;

  /** `linkedFiles`: most files that are watched because of their other names. */
  constructor(listener: WatchListener, { linkedFiles }: { linkedFiles: number }) {
    this.#listener = listener;
    this.#watcher = makeWatcher();
    const isDirectory = (watch: number) => this.#numbers.has(watch);
    this.#linked = new LinkedFiles(this.#watcher, { limit: linkedFiles, isDirectory });
    if (this.#watcher >= 0) this.#reading = this.#read();
  }

  /** Watches the directory behind `fd`, which `number` stands for; false where that cannot be. */
  add(number: number, fd: number): boolean {
    if (this.#watcher < 0 || this.#closed || !isLocal(fd)) return false;
    const watch = addWatch(this.#watcher, fd, MASK);
    // No permission to read it, or too many watches.
    if (watch < 0) return false;
    this.#watches.set(number, watch);
    const numbers = this.#numbers.get(watch) ?? new Set();
    this.#numbers.set(watch, numbers.add(number));
    return true;
  }

  /**
   * From here on tells of what becomes of a file by whatever name: what is `name` at this moment in the directory that `number`
   * stands for, which is watched and behind `fd`. False where that cannot be.
   */
  addFile(number: number, fd: number, name: ByteString): boolean {
    return !this.#closed && this.#watches.has(number) && this.#linked.add({ number, name }, fd);
  }

  /** What has this name has no others: it need not be watched for itself. */
  removeFile(number: number, name: ByteString): void {
    if (!this.#closed) this.#linked.remove({ number, name });
  }

  /** Does something of which the agent knows what becomes of it: it is not told. */
  quietly<T>(action: () => T): T {
    this.#isQuiet = true;
    try {
      return action();
    } finally {
      this.#isQuiet = false;
    }
  }

  /** The agent has just changed `name` in directory `number`, of which there is an event of this kind (IN_CREATE, …). */
  caused(number: number, name: ByteString, kind: number): void {
    const watch = this.#isQuiet ? this.#watches.get(number) : undefined;
    if (watch === undefined) return;
    const own = this.#own.get(watch) ?? new Map<string, number>();
    const key = `${kind} ${name}`;
    this.#own.set(watch, own.set(key, (own.get(key) ?? 0) + 1));
  }

  remove(number: number): void {
    const watch = this.#watches.get(number);
    if (watch === undefined || this.#closed) return;
    this.#watches.delete(number);
    this.#changed.delete(number);
    this.#moved.delete(number);
    const numbers = this.#numbers.get(watch)!;
    numbers.delete(number);
    const [heir] = numbers;
    this.#linked.removeDirectory(number, heir);
    if (numbers.size > 0) return;
    this.#numbers.delete(watch);
    this.#own.delete(watch);
    removeWatch(this.#watcher, watch);
  }

  /** Nothing is told any more. Resolves when no thread waits for events. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#told.resolve();
    // Each makes a last event, which ends the waiting.
    for (const watch of this.#numbers.keys()) removeWatch(this.#watcher, watch);
    for (const watch of this.#linked.watches()) removeWatch(this.#watcher, watch);
    if (this.#numbers.size > 0) await this.#reading;
  }

  /** Tells at once what has changed until now: before the agent hears of something that may follow from it. */
  flush(): void {
    if (this.#watcher < 0 || this.#closed) return;
    this.#takeEvents();
    if (this.#names > 0) this.#tell();
  }

  /** While events gather, no thread waits for more: a burst of changes would wake it for each. */
  async #read(): Promise<void> {
    while (!this.#closed) {
      await awaitEvents(this.#watcher);
      if (this.#closed) break;
      this.#told = Promise.withResolvers();
      this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
      await this.#told.promise;
    }
    close(this.#watcher);
  }

  #takeEvents(): void {
    // No more than were there at the begin: others may go on and on.
    for (let i = 0; i < READS; i++) {
      const length = readEvents(this.#watcher, this.#buffer);
      // Every event of a change is there when the change is made: one that is not will not come.
      if (length === -Errno.EAGAIN) return this.#own.clear();
      if (length <= 0) {
        // Nothing is watched any more.
        this.#closed = true;
        return this.#listener.overflowed();
      }
      for (const event of decodeEvents(this.#buffer.subarray(0, length))) if (!this.#isOwn(event)) this.#note(event);
    }
  }

  /** Whether the agent has made this change. Only once: another one of the kind is somebody else's. */
  #isOwn({ watch, mask, name }: WatchEvent): boolean {
    const own = this.#own.get(watch);
    if (own === undefined) return false;
    const key = `${mask & KINDS} ${name}`;
    const count = own.get(key);
    if (count === undefined) return false;
    if (count > 1) own.set(key, count - 1);
    else own.delete(key);
    return true;
  }

  #note({ watch, mask, name }: WatchEvent): void {
    if (watch < 0) {
      this.#names = MAX_NAMES + 1;
      this.#own.clear();
    }
    for (const number of this.#numbers.get(watch) ?? []) {
      // Of itself: others are told of by the directory that they are in, the root is in none.
      if (name === "" && number === ROOT_DIRECTORY) this.#names = MAX_NAMES + 1;
      if (name === "") continue;
      if ((mask & KINDS) !== 0) this.#moved.add(number);
      this.#noteName(number, name);
    }
    for (const linked of this.#linked.namesOf(watch)) this.#noteName(linked.number, linked.name);
    if ((mask & IN_IGNORED) !== 0) this.#linked.ended(watch);
  }

  #noteName(number: number, name: ByteString): void {
    if (this.#names > MAX_NAMES) return;
    const names = this.#changed.get(number) ?? new Set();
    if (!names.has(name)) this.#names++;
    this.#changed.set(number, names.add(name));
  }

  #tell(): void {
    clearTimeout(this.#timer);
    if (this.#listener.isCongested()) {
      this.#timer = setTimeout(() => this.#tell(), GATHER_MS);
      return;
    }
    this.#timer = undefined;
    if (!this.#closed) this.#takeEvents();
    this.#told.resolve();
    const changed = this.#changed;
    const moved = this.#moved;
    const overflowed = this.#names > MAX_NAMES;
    this.#changed = new Map();
    this.#moved = new Set();
    this.#names = 0;
    if (overflowed) {
      this.#listener.overflowed();
      for (const number of this.#watches.keys()) this.#listener.watched(number);
      return;
    }
    for (const [number, names] of changed) {
      for (const name of names) this.#listener.changed(number, name);
      if (moved.has(number)) this.#listener.namesChanged(number);
    }
  }
}

/**
 * File systems that only this kernel changes, with an event for each change (`linux/magic.h`). Of others (network and
 * cluster file systems, layers over others) nothing is promised.
 */
const local: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x7366746e, // NTFS3
  0x3153464a, // JFS
  0x73717368, // SquashFS
  0xe0f5e1e2, // EROFS
]);

function isLocal(fd: number): boolean {
  const found = statFs(fd);
  return typeof found !== "number" && local.has(found.type);
}
