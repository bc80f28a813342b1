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
  /** Held for the file system until its result is there. */
  buffer: RequestBuffer | undefined;
  #controller: AbortController | undefined;
  #abandoned = false;

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

  /** True when the result will come too late for the kernel. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  abandon(): void {
    this.#abandoned = true;
    this.#controller?.abort();
  }
}
