import type { Caller, FileSystem, NodeId, Result } from "./file_system.ts";
import type { Reply } from "./reply.ts";
import type { Request } from "./request.ts";

/** How one opcode is served. */
export interface Operation<T> {
  /** Decodes the request and asks the file system. The request is gone once this has returned. */
  call(fileSystem: FileSystem, request: Request, caller: Caller): Result<T>;
  /** Appends the body of the answer; left out where it has none. */
  encode?(reply: Reply, value: T): void;
  /** The value has been sent, or is not going to be. */
  done?(fileSystem: FileSystem, value: T): void;
  /**
   * Takes back what the file system counts and the kernel never learned of, because the request was interrupted or its
   * answer refused. `nodeId`: whom the request was about.
   */
  undo?(fileSystem: FileSystem, value: T, nodeId: NodeId): void;
}
