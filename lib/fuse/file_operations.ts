/** Operations on open files. */
import {
  decodeCreateIn,
  decodeFlushIn,
  decodeFsyncIn,
  decodeOpenIn,
  decodeReadIn,
  decodeReleaseIn,
  decodeWriteIn,
} from "./decode.ts";
import { encodeEntryOut, encodeOpenOut, encodeWriteOut } from "./encode.ts";
import type { Entry, Opened } from "./file_system.ts";
import { forgetEntry } from "./name_operations.ts";
import type { Operation } from "./operation.ts";

export const open: Operation<Opened> = {
  call: (fileSystem, request, caller) => fileSystem.open(request.nodeId, decodeOpenIn(request), caller),
  encode: encodeOpenOut,
  undo: (fileSystem, { fh }, nodeId) => fileSystem.release(nodeId, fh),
};

/** A file that is new and open. */
const createdAnswer: Omit<Operation<{ entry: Entry; opened: Opened }>, "call"> = {
  encode(reply, { entry, opened }) {
    encodeEntryOut(reply, entry);
    encodeOpenOut(reply, opened);
  },
  undo(fileSystem, { entry, opened }) {
    fileSystem.release(entry.nodeId, opened.fh);
    forgetEntry(fileSystem, entry);
  },
};

export const create: Operation<{ entry: Entry; opened: Opened }> = {
  ...createdAnswer,
  call(fileSystem, request, caller) {
    const { name, how } = decodeCreateIn(request);
    return fileSystem.create(request.nodeId, name, how, caller);
  },
};

export const tmpfile: Operation<{ entry: Entry; opened: Opened }> = {
  ...createdAnswer,
  call: (fileSystem, request, caller) => fileSystem.tmpfile(request.nodeId, decodeCreateIn(request).how, caller),
};

export const read: Operation<Uint8Array> = {
  call: (fileSystem, request, caller) => fileSystem.read(request.nodeId, decodeReadIn(request), caller),
  encode: (reply, data) => reply.end(data),
  done: (fileSystem, data) => fileSystem.readDone?.(data),
};

export const write: Operation<number> = {
  call: (fileSystem, request, caller) => fileSystem.write(request.nodeId, decodeWriteIn(request), caller),
  encode: encodeWriteOut,
};

export const flush: Operation<void> = {
  call(fileSystem, request, caller) {
    const { fh, lockOwner } = decodeFlushIn(request);
    return fileSystem.flush(request.nodeId, fh, lockOwner, caller);
  },
};

export const fsync: Operation<void> = {
  call(fileSystem, request, caller) {
    const { fh, dataOnly } = decodeFsyncIn(request);
    return fileSystem.fsync(request.nodeId, fh, dataOnly, caller);
  },
};

export const release: Operation<void> = {
  call: (fileSystem, request) => fileSystem.release(request.nodeId, decodeReleaseIn(request)),
};
