/** Locks on open files. */
import { decodeLkIn } from "./decode.ts";
import { encodeLkOut } from "./encode.ts";
import type { Caller, FileLock, FileSystem, Result } from "./file_system.ts";
import type { Operation } from "./operation.ts";
import type { Request } from "./request.ts";

export const getlk: Operation<FileLock> = {
  call: (fileSystem, request, caller) => fileSystem.getlk(request.nodeId, decodeLkIn(request), caller),
  encode: encodeLkOut,
};

/**
 * There is nothing to undo when the result comes too late: the caller dies, and what the kernel sends as its files are
 * closed lets go of the lock.
 */
export const setlk: Operation<void> = {
  call: (fileSystem, request, caller) => set(fileSystem, { request, wait: false }, caller),
};

export const setlkw: Operation<void> = {
  call: (fileSystem, request, caller) => set(fileSystem, { request, wait: true }, caller),
};

function set(fileSystem: FileSystem, how: { request: Request; wait: boolean }, caller: Caller): Result<void> {
  const { nodeId } = how.request;
  const { fh, owner, lock, flock } = decodeLkIn(how.request);
  const { wait } = how;
  if (flock) return fileSystem.flock(nodeId, { fh, type: lock.type, wait }, caller);
  return fileSystem.setlk(nodeId, { fh, owner, lock, wait }, caller);
}
