/** Operations on ranges of open files. */
import { decodeCopyFileRangeIn, decodeFallocateIn, decodeLseekIn } from "./decode_ranges.ts";
import { encodeCopyFileRangeOut, encodeLseekOut, encodeWriteOut } from "./encode.ts";
import type { Operation } from "./operation.ts";

export const fallocate: Operation<void> = {
  call: (fileSystem, request, caller) => fileSystem.fallocate(request.nodeId, decodeFallocateIn(request), caller),
};

export const lseek: Operation<number> = {
  call: (fileSystem, request, caller) => fileSystem.lseek(request.nodeId, decodeLseekIn(request), caller),
  encode: encodeLseekOut,
};

/** The kernel asks for less than 4 GiB by this one. */
export const copyFileRange: Operation<number> = {
  call: (fileSystem, request, caller) =>
    fileSystem.copyFileRange(request.nodeId, decodeCopyFileRangeIn(request), caller),
  encode: encodeWriteOut,
};

export const copyFileRange64: Operation<number> = { ...copyFileRange, encode: encodeCopyFileRangeOut };
