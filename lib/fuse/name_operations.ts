/** Operations on names in a directory. */
import {
  decodeLinkIn,
  decodeMkdirIn,
  decodeMknodIn,
  decodeName,
  decodeRename2In,
  decodeRenameIn,
  decodeSymlink,
} from "./decode.ts";
import { encodeEntryOut } from "./encode.ts";
import type { Entry, FileSystem } from "./file_system.ts";
import type { Operation } from "./operation.ts";

/** The lookup that comes with an entry, unless it is a negative one. */
export function forgetEntry(fileSystem: FileSystem, entry: Entry): void {
  if (entry.nodeId !== 0) fileSystem.forget(entry.nodeId, 1);
}

const entryAnswer = { encode: encodeEntryOut, undo: forgetEntry };

export const lookup: Operation<Entry> = {
  ...entryAnswer,
  call: (fileSystem, request, caller) => fileSystem.lookup(request.nodeId, decodeName(request), caller),
};

export const symlink: Operation<Entry> = {
  ...entryAnswer,
  call(fileSystem, request, caller) {
    const { name, target } = decodeSymlink(request);
    return fileSystem.symlink(request.nodeId, name, target, caller);
  },
};

export const mknod: Operation<Entry> = {
  ...entryAnswer,
  call(fileSystem, request, caller) {
    const { name, node } = decodeMknodIn(request);
    return fileSystem.mknod(request.nodeId, name, node, caller);
  },
};

export const mkdir: Operation<Entry> = {
  ...entryAnswer,
  call(fileSystem, request, caller) {
    const { name, node } = decodeMkdirIn(request);
    return fileSystem.mkdir(request.nodeId, name, node, caller);
  },
};

export const link: Operation<Entry> = {
  ...entryAnswer,
  call(fileSystem, request, caller) {
    const { oldNodeId, name } = decodeLinkIn(request);
    return fileSystem.link(oldNodeId, request.nodeId, name, caller);
  },
};

export const unlink: Operation<void> = {
  call: (fileSystem, request, caller) => fileSystem.unlink(request.nodeId, decodeName(request), caller),
};

export const rmdir: Operation<void> = {
  call: (fileSystem, request, caller) => fileSystem.rmdir(request.nodeId, decodeName(request), caller),
};

export const rename: Operation<void> = {
  call(fileSystem, request, caller) {
    const { name, to } = decodeRenameIn(request);
    return fileSystem.rename(request.nodeId, name, to, caller);
  },
};

export const rename2: Operation<void> = {
  call(fileSystem, request, caller) {
    const { name, to } = decodeRename2In(request);
    return fileSystem.rename(request.nodeId, name, to, caller);
  },
};
