import { type ByteString, DecodeError, fromText, toText } from "../bytes/mod.ts";
import {
  AT_FDCWD,
  Errno,
  errnoName,
  isSameContent,
  O_DIRECTORY,
  O_PATH,
  openAt,
  statAt,
  unwrap,
  withFileIds,
} from "../linux/mod.ts";
import { log as processLog, type Logger } from "../log/mod.ts";
import {
  AgentNote,
  type CheckedFile,
  decodeBind,
  decodeCheck,
  decodeNumber,
  decodeOwner,
  directoriesOf,
  encodeChanged,
  encodeDirectoryChanged,
  encodeNamesChanged,
  encodeNumber,
  FileNote,
  FileOp,
  LOGGED,
  type OwnerNote,
  type PackRecord,
} from "../protocol/mod.ts";
import type { Incoming } from "../rpc/mod.ts";
import { access, getAttr, readLink, setAttr, statFileSystem } from "./attributes.ts";
import { link, makeDirectory, makeNode, removeDirectory, rename, symlink, unlink } from "./changes.ts";
import { ChangeLog } from "./change_log.ts";
import type { Answer, BulkAnswer, Context, FileStatistics, Operation } from "./context.ts";
import { copy } from "./copy.ts";
import { describeFd } from "./describe.ts";
import { Directories } from "./directories.ts";
import { getExtended, listExtended, removeExtended, setExtended } from "./extended.ts";
import { fetch, prepareFetches } from "./fetch.ts";
import { Handles } from "./handles.ts";
import { readDir } from "./listing.ts";
import { Listings } from "./listings.ts";
import { getLock, lockFile, Locks, setLock } from "./locks.ts";
import { lookup } from "./lookup.ts";
import { create, makeTmpFile, open } from "./open.ts";
import { Policy } from "./policy.ts";
import { allocateRange, seekIn } from "./ranges.ts";
import { read } from "./reads.ts";
import { SlowDisks } from "./slow_disks.ts";
import { StartPack } from "./start_pack.ts";
import { walk, Walks } from "./walks.ts";
import { Watches } from "./watches.ts";
import { flush, sync, syncDirectory, write, writeAll } from "./writes.ts";

/** How a file server is made. */
export interface FileServerOptions {
  /** Called when a read that waited for the disk can go on: Connection.wake. */
  readonly wake: () => void;
  /** Tells the agent of local changes (AgentNote): Connection.notify. Without it nothing is watched. */
  readonly tell?: (op: number, body: Uint8Array) => void;
  /** Whether telling is to wait. */
  readonly isCongested?: () => boolean;
  /** The exported directory; default `/`. */
  readonly root?: ByteString;
  /** Most directory numbers and handles in use; the limit on descriptors may come first (EMFILE). */
  readonly maxDirectories?: number;
  readonly maxHandles?: number;
  /** Most directory numbers in use with which directories are told of ahead. */
  readonly maxAhead?: number;
  /** Most files that are watched because of their other names. */
  readonly maxLinkedFiles?: number;
  /** Lookups and listings wait for the disk on this thread. Default: not; tests may want their answers at once. */
  readonly waitsHere?: boolean;
  /** Where refusals are noted; default: the process's log. */
  readonly log?: Pick<Logger, "debug">;
}

/** Answers the agent's requests for files. Nothing the agent sends makes it throw. */
export interface FileServer {
  /** Answers any FileOp; other operations ENOSYS, malformed ones EPROTO. */
  request(incoming: Incoming): void;
  /** Takes BIND, UNBIND, RELEASE, OWNER and STOP_WAITING; false for any other note. `body` is not kept. */
  notify(op: number, body: Uint8Array): boolean;
  /**
   * Closes every descriptor, when the connection is closed: reads, writes and syncs that a thread is busy with close
   * theirs as they end. Resolves when no thread waits for local changes.
   */
  close(): Promise<void>;
  /** Tells the local changes until now at once: before the agent is told of something that may follow from them. */
  tellChanges(): void;
  /** What to tell the agent ahead of its requests, record by record. */
  startPack(write: (record: PackRecord) => void, options?: { watchedOnly?: boolean }): StartPack;
  readonly statistics: Readonly<FileStatistics>;
}

const LIMIT = 1 << 16;
const LINKED_FILES = 512;
const EMPTY = new Uint8Array();

/** A file server for one agent. Throws an ErrnoError when the exported directory cannot be opened. */
export function createFileServer(options: FileServerOptions): FileServer {
  return new Server(options);
}

const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [FileOp.LOOKUP, lookup],
  [FileOp.GETATTR, getAttr],
  [FileOp.SETATTR, setAttr],
  [FileOp.READLINK, readLink],
  [FileOp.SYMLINK, symlink],
  [FileOp.MKNOD, makeNode],
  [FileOp.MKDIR, makeDirectory],
  [FileOp.UNLINK, unlink],
  [FileOp.RMDIR, removeDirectory],
  [FileOp.RENAME, rename],
  [FileOp.LINK, link],
  [FileOp.OPEN, open],
  [FileOp.CREATE, create],
  [FileOp.READ, read],
  [FileOp.WRITE, write],
  [FileOp.FLUSH, flush],
  [FileOp.FSYNC, sync],
  [FileOp.READDIR, readDir],
  [FileOp.STATFS, statFileSystem],
  [FileOp.ACCESS, access],
  [FileOp.FSYNCDIR, syncDirectory],
  [FileOp.GETXATTR, getExtended],
  [FileOp.SETXATTR, setExtended],
  [FileOp.LISTXATTR, listExtended],
  [FileOp.REMOVEXATTR, removeExtended],
  [FileOp.FALLOCATE, allocateRange],
  [FileOp.SEEK, seekIn],
  [FileOp.COPY, copy],
  [FileOp.TMPFILE, makeTmpFile],
  [FileOp.GETLK, getLock],
  [FileOp.SETLK, setLock],
  [FileOp.FLOCK, lockFile],
  [FileOp.FETCH, fetch],
  [FileOp.WALK, walk],
]);

/** Notes that are requests where they belong to the log. */
const notes: ReadonlyMap<number, number> = new Map([
  [FileOp.BIND, FileNote.BIND],
  [FileOp.UNBIND, FileNote.UNBIND],
  [FileOp.RELEASE, FileNote.RELEASE],
]);

/** Operations after which something new belongs to somebody. They end before they return. */
const creating: ReadonlySet<number> = new Set([
  FileOp.SYMLINK,
  FileOp.MKNOD,
  FileOp.MKDIR,
  FileOp.CREATE,
  FileOp.TMPFILE,
]);

/** Operations whose answer says that others have let go of what they changed. */
const locking: ReadonlySet<number> = new Set([FileOp.SETLK, FileOp.FLOCK]);

class Server implements FileServer {
  readonly statistics: FileStatistics = {
    ...{ requests: 0, failed: 0, bytesRead: 0, bytesWritten: 0, diskReads: 0 },
    sending: "files",
  };
  readonly #context: Context;
  readonly #log: Pick<Logger, "debug">;
  readonly #watches: Watches | undefined;
  readonly #tell: FileServerOptions["tell"];
  readonly #changes = new ChangeLog();
  /** Whom new files belong to, when that is not this process's user. */
  #owner: OwnerNote | undefined;

  constructor(
    { wake, tell, isCongested = () => false, root = fromText("/"), log = processLog, ...limits }: FileServerOptions,
  ) {
    const policy = new Policy(log);
    const fd = unwrap(openAt(AT_FDCWD, root, O_PATH | O_DIRECTORY), `open "${toText(root)}"`);
    this.#log = log;
    this.#tell = tell;
    const limit = limits.maxDirectories ?? LIMIT;
    this.#watches = tell && new Watches({
      changed: (number, name) => this.#changed(number, name),
      namesChanged: (number) => this.#namesChanged(number),
      overflowed: () => tell(AgentNote.ALL_CHANGED, EMPTY),
      isCongested,
      watched: (number) => tell(AgentNote.WATCHED, encodeNumber(number)),
    }, { linkedFiles: limits.maxLinkedFiles ?? LINKED_FILES });
    this.#context = {
      directories: new Directories({
        ...{ root: fd, policy, limit, aheadLimit: limits.maxAhead, watches: this.#watches },
        onWatched: (number) => tell?.(AgentNote.WATCHED, encodeNumber(number)),
      }),
      handles: new Handles(limits.maxHandles ?? LIMIT),
      listings: new Listings(),
      locks: new Locks(),
      policy,
      watches: this.#watches,
      slowDisks: new SlowDisks(),
      walks: new Walks(),
      waitsHere: limits.waitsHere ?? false,
      statistics: this.statistics,
      wake,
    };
  }

  request(incoming: Incoming): void {
    this.statistics.requests++;
    try {
      const answer = this.#perform(incoming);
      if (answer instanceof Promise) {
        answer.then((later) => this.#send(incoming, later)).catch((error) => this.#failed(incoming, error));
      } else {
        this.#send(incoming, answer);
      }
    } catch (error) {
      this.#failed(incoming, error);
    }
  }

  notify(op: number, body: Uint8Array): boolean {
    try {
      const result = this.#note(op, body);
      if (result === undefined) return false;
      if (result < 0) this.#log.debug(`file server: refused note ${op}: ${errnoName(-result)}`);
    } catch (error) {
      this.#log.debug(`file server: refused note ${op}: ${error}`);
    }
    return true;
  }

  async close(): Promise<void> {
    const watching = this.#watches?.close();
    this.#context.walks.close();
    this.#context.listings.close();
    this.#context.locks.close();
    this.#context.handles.close();
    this.#context.directories.close();
    await watching;
  }

  tellChanges(): void {
    this.#watches?.flush();
  }

  startPack(write: (record: PackRecord) => void, { watchedOnly = false } = {}): StartPack {
    prepareFetches();
    return new StartPack(this.#context.directories, { write, watchedOnly });
  }

  #changed(dir: number, name: ByteString): void {
    const { directories } = this.#context;
    if (directories.find(dir) < 0) return;
    const found = directories.look(dir, name);
    // What cannot be looked at is as good as gone: the agent asks, and is told why.
    this.#tell?.(AgentNote.CHANGED, encodeChanged({ dir, name, found: typeof found === "number" ? undefined : found }));
  }

  /** Tells what became of a file if it is not what the agent takes it for. That one is gone is told by the watch. */
  #check({ dir, name, stat }: CheckedFile): void {
    const fd = this.#context.directories.find(dir);
    const now = fd < 0 ? fd : statAt(fd, name);
    if (typeof now === "number") return;
    if (now.ino !== stat.ino || !isSameContent(now, stat)) this.#changed(dir, name);
  }

  #namesChanged(dir: number): void {
    const stat = describeFd(this.#context.directories.find(dir));
    if (typeof stat !== "number") this.#tell?.(AgentNote.DIRECTORY_CHANGED, encodeDirectoryChanged({ dir, stat }));
  }

  #perform({ op, body }: Incoming): ReturnType<Operation> {
    if ((op & LOGGED) === 0) return this.#carryOut(op, body);
    const logged = op & ~LOGGED;
    const perform = () => logged === FileOp.WRITE ? writeAll(this.#context, body) : this.#carryOut(logged, body);
    // What the agent has decided, it need not be told.
    const carryOut = () => this.#watches === undefined ? perform() : this.#watches.quietly(perform);
    const outcome = this.#changes.carryOut({ op: logged, body, carryOut });
    const directories = directoriesOf(logged, body);
    if (directories.length === 0) return outcome;
    if (outcome instanceof Promise) return outcome.then((answer) => this.#withDirectories(directories, answer));
    return this.#withDirectories(directories, outcome as Answer);
  }

  #withDirectories(numbers: readonly number[], answer: Answer): Answer {
    if (typeof answer === "number" && answer < 0) return answer;
    const directories = numbers.map((number) => {
      const stat = describeFd(this.#context.directories.find(number));
      return typeof stat === "number" ? undefined : stat;
    });
    return encodeNamesChanged({ answer: typeof answer === "number" ? EMPTY : answer, directories });
  }

  #carryOut(op: number, body: Uint8Array): ReturnType<Operation> {
    const operation = operations.get(op);
    if (operation !== undefined) {
      const perform = () => operation(this.#context, body);
      return this.#owner !== undefined && creating.has(op) ? withFileIds(this.#owner, perform) : perform();
    }
    const note = notes.get(op);
    if (note !== undefined) return this.#note(note, body)!;
    this.#log.debug(`file server: refused request ${op}: there is no such operation`);
    return -Errno.ENOSYS;
  }

  #send(incoming: Incoming, answer: Answer | BulkAnswer): void {
    if (locking.has(incoming.op)) this.tellChanges();
    if (answer instanceof Uint8Array) return incoming.reply(answer);
    if (typeof answer !== "number") return incoming.replyBulk(answer.flow, answer.source, answer);
    if (answer >= 0) return incoming.reply(EMPTY);
    this.statistics.failed++;
    incoming.fail(-answer);
  }

  #failed(incoming: Incoming, error: unknown): void {
    this.statistics.failed++;
    this.#log.debug(`file server: refused request ${incoming.op}: ${error}`);
    incoming.fail(error instanceof DecodeError ? Errno.EPROTO : Errno.EIO);
  }

  #note(op: number, body: Uint8Array): number | undefined {
    const { directories, handles, listings, locks } = this.#context;
    switch (op) {
      case FileNote.BIND:
        return directories.bind(decodeBind(body));
      case FileNote.UNBIND: {
        const number = decodeNumber(body);
        listings.forget(number);
        return directories.unbind(number);
      }
      case FileNote.OWNER:
        this.#owner = decodeOwner(body);
        return 0;
      case FileNote.RELEASE: {
        const number = decodeNumber(body);
        const file = handles.find(number);
        if (file !== undefined) locks.released(file);
        return handles.release(number);
      }
      case FileNote.CHECK:
        for (const file of decodeCheck(body)) this.#check(file);
        return 0;
      case FileNote.STOP_WAITING:
        locks.stopWaiting(decodeNumber(body));
        return 0;
    }
  }
}
