import type { Caller, NodeId } from "./file_system.ts";
import type { Request, RequestBuffer } from "./request.ts";

/** A request under way: who asked, and whether anybody still waits. */
export class Pending implements Caller {
  readonly unique: number;
  readonly opcode: number;
  readonly nodeId: NodeId;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** performance.now() */
  readonly since = performance.now();
  /** Held for the file system until its result is there. */
  buffer: RequestBuffer | undefined;
  #controller: AbortController | undefined;
  #interrupt: AbortController | undefined;
  #abandoned = false;
  #interrupted = false;

  constructor(request: Request) {
    this.unique = request.unique;
    this.opcode = request.opcode;
    this.nodeId = request.nodeId;
    this.uid = request.uid;
    this.gid = request.gid;
    this.pid = request.pid;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abandoned) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get interrupted(): AbortSignal {
    if (this.#interrupt === undefined) {
      this.#interrupt = new AbortController();
      if (this.#interrupted) this.#interrupt.abort();
    }
    return this.#interrupt.signal;
  }

  /** True when the result will come too late for the kernel. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** A signal has come for the caller. */
  interrupt(): void {
    this.#interrupted = true;
    this.#interrupt?.abort();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#controller?.abort();
    this.interrupt();
  }
}
