/** Operations on open directories. */
import { decodeFsyncIn, decodeOpenIn, decodeReaddirIn, decodeReleaseIn } from "./decode.ts";
import { DirentSink } from "./dirent_sink.ts";
import { encodeOpenOut } from "./encode.ts";
import type { Opened } from "./file_system.ts";
import { MAX_WRITE } from "./init.ts";
import type { Operation } from "./operation.ts";

export const opendir: Operation<Opened> = {
  call(fileSystem, request, caller) {
    decodeOpenIn(request);
    return fileSystem.opendir(request.nodeId, caller);
  },
  encode: encodeOpenOut,
  undo: (fileSystem, { fh }, nodeId) => fileSystem.releasedir(nodeId, fh),
};

export const readdir = listing(false);
export const readdirplus = listing(true);

export const releasedir: Operation<void> = {
  call: (fileSystem, request) => fileSystem.releasedir(request.nodeId, decodeReleaseIn(request)),
};

export const fsyncdir: Operation<void> = {
  call(fileSystem, request, caller) {
    const { fh, dataOnly } = decodeFsyncIn(request);
    return fileSystem.fsyncdir(request.nodeId, fh, dataOnly, caller);
  },
};

/**
 * A failure behind the first entries ends the listing there: these entries count as looked up already, and whoever asks
 * for the rest meets the failure then. getdents(2) does the same.
 */
function listing(plus: boolean): Operation<DirentSink> {
  return {
    call(fileSystem, request, caller) {
      const { fh, offset, size } = decodeReaddirIn(request);
      const sink = new DirentSink(plus, Math.min(size, MAX_WRITE), fileSystem.showOwner);
      const fail = (error: unknown) => {
        if (sink.bytes.length === 0) throw error;
        return sink;
      };
      try {
        const result = fileSystem.readdir(request.nodeId, { fh, offset }, sink, caller);
        return result instanceof Promise ? result.then(() => sink, fail) : sink;
      } catch (error) {
        return fail(error);
      }
    },
    encode: (reply, sink) => reply.append(sink.bytes),
    undo(fileSystem, sink) {
      for (const nodeId of sink.lookedUp) fileSystem.forget(nodeId, 1);
    },
  };
}
