/**
 * A request's way:
 *
 * 1. {@link Device} reads it into a buffer and calls {@link Server.receive}.
 * 2. INIT, FORGET, INTERRUPT and DESTROY are dealt with here; for all others {@link operations} decodes and asks the
 *    file system.
 * 3. A result is answered at once; a promise makes the request a {@link Pending} one, answered when it settles. A WRITE
 *    keeps its buffer until then.
 * 4. An interrupted request of a dying thread is answered EINTR early; its result is undone when it comes. Other signals
 *    are told to the file system, which may end a wait for a lock.
 */
import { Errno } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import { fuse_in_header, FUSE_KERNEL_VERSION, Opcode, opcodeName } from "./abi.ts";
import { decodeBatchForgetIn, decodeForgetIn, decodeInitIn, decodeInterruptIn } from "./decode.ts";
import { Device, type Receiver } from "./device.ts";
import { encodeInitOut } from "./encode.ts";
import type { FileSystem } from "./file_system.ts";
import { type InitOptions, MAX_WRITE, negotiate, type Negotiated } from "./init.ts";
import type { Operation } from "./operation.ts";
import { operations, refusal } from "./operations.ts";
import { Pending } from "./pending.ts";
import { MAX_ERRNO, Reply } from "./reply.ts";
import { Request, type RequestBuffer } from "./request.ts";

/** Nobody waits for an answer to these, and one to INTERRUPT would mean something. */
const unanswered: readonly number[] = [Opcode.FUSE_FORGET, Opcode.FUSE_BATCH_FORGET, Opcode.FUSE_INTERRUPT];

/** What a server needs from its owner. */
export interface ServerOptions {
  readonly init?: InitOptions;
  /**
   * Whether the thread `pid` (see {@link Caller}) has a SIGKILL pending: bit 8 of SigPnd or ShdPnd in /proc/PID/status
   * of the mount's pid namespace. Every fatal signal puts one there.
   */
  isDying(pid: number): boolean;
  /** The kernel has sent INIT: the mount is in use from here on. */
  onInit?(negotiated: Negotiated): void;
  /** The file system is unmounted or its connection aborted (no error), or cannot be served. */
  onEnd(error?: Error): void;
  /** Takes one line for each failure that is not an errno. Default: the process's logger. */
  readonly log?: (line: string) => void;
}

/** Requests that wait are counted by how many ms they do at least. */
export const WAITS_MS = [0, 2, 10, 50, 250] as const;
const SLOW_MS = WAITS_MS[1];

/** Serves a file system on a mounted /dev/fuse. */
export class Server implements Receiver {
  /** To be polled: its {@link Device.readable} on every event. */
  readonly device: Device;
  readonly #fileSystem: FileSystem;
  readonly #options: ServerOptions;
  readonly #log: (line: string) => void;
  readonly #reply: Reply;
  readonly #pending = new Map<number, Pending>();
  readonly #interrupted = new Set<Pending>();
  #negotiated: Negotiated | undefined;
  #ended = false;

  /** `fd`: /dev/fuse, mounted, O_NONBLOCK; it stays the owner's. */
  constructor(fd: number, fileSystem: FileSystem, options: ServerOptions) {
    this.device = new Device(fd, this);
    this.#fileSystem = fileSystem;
    this.#reply = new Reply(MAX_WRITE, fileSystem.showOwner);
    this.#options = options;
    this.#log = options.log ?? ((line) => log.error(line));
  }

  /** How many requests had to wait for their answer, by how long: see {@link WAITS_MS}. */
  readonly waited: number[] = WAITS_MS.map(() => 0);

  /** Names of the requests that waited for longer than a local file system takes, and how many did. */
  readonly slow = new Map<string, number>();

  /** What INIT brought; undefined before. */
  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  /** Requests that wait for a promise of the file system. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Looks again at the interrupted requests; to be called about once a second. The kernel tells only of a thread's first
   * signal: when that was a harmless one, nothing is heard of the SIGKILL that may follow.
   */
  tick(): void {
    for (const pending of this.#interrupted) this.#giveUpIfDying(pending);
  }

  receive(buffer: RequestBuffer, length: number): boolean {
    if (length < fuse_in_header.sizeof) {
      this.#log(`Cannot serve a FUSE request: it has ${length} bytes`);
      return false;
    }
    const request = new Request(buffer, length);
    const operation = operations.get(request.opcode);
    if (operation !== undefined) return this.#serve(operation, request, buffer);
    try {
      this.#control(request);
    } catch (error) {
      if (unanswered.includes(request.opcode)) this.#complain(request, error);
      else this.#fail(request, error);
    }
    return false;
  }

  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const pending of this.#pending.values()) pending.abandon();
    this.#pending.clear();
    this.#interrupted.clear();
    this.#options.onEnd(error);
  }

  #serve(operation: Operation<unknown>, request: Request, buffer: RequestBuffer): boolean {
    const pending = new Pending(request);
    let result;
    try {
      result = operation.call(this.#fileSystem, request, pending);
    } catch (error) {
      this.#fail(pending, error);
      return false;
    }
    if (!(result instanceof Promise)) {
      this.#answer(operation, pending, result);
      return false;
    }
    this.#pending.set(pending.unique, pending);
    if (pending.opcode === Opcode.FUSE_WRITE) pending.buffer = buffer;
    result.then(
      (value) => this.#settle(pending, () => this.#answer(operation, pending, value)),
      (error) => this.#settle(pending, () => this.#fail(pending, error)),
    );
    return pending.buffer !== undefined;
  }

  #settle(pending: Pending, answer: () => void): void {
    const ms = performance.now() - pending.since;
    this.waited[WAITS_MS.findLastIndex((least) => ms >= least)]++;
    if (ms >= SLOW_MS) {
      const name = opcodeName(pending.opcode);
      this.slow.set(name, (this.slow.get(name) ?? 0) + 1);
    }
    this.#pending.delete(pending.unique);
    this.#interrupted.delete(pending);
    answer();
    if (pending.buffer !== undefined) this.device.recycle(pending.buffer);
  }

  #answer(operation: Operation<unknown>, pending: Pending, value: unknown): void {
    const isSent = !pending.abandoned && this.#sendResult(operation, pending, value);
    operation.done?.(this.#fileSystem, value);
    if (isSent) return;
    try {
      operation.undo?.(this.#fileSystem, value, pending.nodeId);
    } catch (error) {
      this.#log(`Cannot undo ${opcodeName(pending.opcode)} on node ${pending.nodeId}: ${error}`);
    }
  }

  /** False when the kernel did not learn of the result. */
  #sendResult(operation: Operation<unknown>, pending: Pending, value: unknown): boolean {
    this.#reply.reset();
    try {
      operation.encode?.(this.#reply, value);
    } catch (error) {
      this.#fail(pending, error);
      return false;
    }
    return this.#send(this.#reply.finish(pending.unique), pending);
  }

  /** Answers with the error's errno, EIO where it has none. */
  #fail(request: Request | Pending, error: unknown): void {
    const errno = errnoOf(error);
    if (errno === undefined) {
      this.#log(`Cannot serve ${opcodeName(request.opcode)} on node ${request.nodeId}: ${error}`);
    }
    if (request instanceof Pending && request.abandoned) return;
    this.#send(this.#reply.fail(request.unique, errno ?? Errno.EIO), request);
  }

  #complain(request: Request | Pending, error: unknown): void {
    this.#log(`Cannot serve ${opcodeName(request.opcode)} on node ${request.nodeId}: ${error}`);
  }

  #send(message: Uint8Array<ArrayBuffer>, request: Request | Pending): boolean {
    const errno = -this.device.send(message, this.#reply.tail);
    // Nobody waits any more, or the connection has ended: reading will tell.
    const gone = errno === Errno.ENOENT || errno === Errno.ENODEV || errno === Errno.EPERM;
    if (errno !== 0 && !gone) {
      this.#log(`Cannot answer ${opcodeName(request.opcode)} on node ${request.nodeId}: errno ${errno}`);
    }
    return errno === 0;
  }

  /** Requests that are not for the file system, and those that nobody serves. */
  #control(request: Request): void {
    switch (request.opcode) {
      case Opcode.FUSE_FORGET:
        return this.#fileSystem.forget(request.nodeId, decodeForgetIn(request));
      case Opcode.FUSE_BATCH_FORGET:
        for (const { nodeId, lookups } of decodeBatchForgetIn(request)) this.#fileSystem.forget(nodeId, lookups);
        return;
      case Opcode.FUSE_INTERRUPT:
        return this.#interrupt(decodeInterruptIn(request));
      case Opcode.FUSE_INIT:
        return this.#init(request);
      case Opcode.FUSE_DESTROY:
        this.#reply.reset();
        this.#send(this.#reply.finish(request.unique), request);
        return;
      default:
        this.#send(this.#reply.fail(request.unique, refusal(request.opcode)), request);
    }
  }

  #init(request: Request): void {
    const kernel = decodeInitIn(request);
    let negotiated;
    try {
      negotiated = negotiate(kernel, this.#options.init);
    } catch (error) {
      this.#send(this.#reply.fail(request.unique, Errno.EPROTO), request);
      return this.end(error as Error);
    }
    this.#reply.reset();
    encodeInitOut(this.#reply, negotiated);
    this.#send(this.#reply.finish(request.unique), request);
    if (kernel.major > FUSE_KERNEL_VERSION) return;
    this.#negotiated = negotiated;
    this.#options.onInit?.(negotiated);
  }

  /**
   * The kernel interrupts a request for any signal of its thread, a SIGCHLD too, and programs do not expect EINTR of
   * files: only a thread that dies is let go. (For locks they do: who waits for one looks at {@link Pending.interrupted},
   * and fails when it is sure not to have it.) A `unique` that is not pending has been answered: the kernel interrupts
   * what was read from the device, and whatever this one reader has read, it has also served. So no EAGAIN is due
   * (`Documentation/filesystems/fuse`), which is for servers where an INTERRUPT overtakes its request.
   */
  #interrupt(unique: number): void {
    const pending = this.#pending.get(unique);
    if (pending === undefined) return;
    this.#interrupted.add(pending);
    pending.interrupt();
    this.#giveUpIfDying(pending);
  }

  #giveUpIfDying(pending: Pending): void {
    if (!this.#options.isDying(pending.pid)) return;
    this.#pending.delete(pending.unique);
    this.#interrupted.delete(pending);
    this.#send(this.#reply.fail(pending.unique, Errno.EINTR), pending);
    pending.abandon();
  }
}

/** The errno that an error carries, if the kernel takes it. */
function errnoOf(error: unknown): number | undefined {
  const errno = (error as { errno?: unknown } | null | undefined)?.errno;
  const known = typeof errno === "number" && Number.isInteger(errno) && errno > 0 && errno <= MAX_ERRNO;
  return known ? errno : undefined;
}
