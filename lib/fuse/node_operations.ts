/** Operations on an inode as such. */
import { decodeAccessIn, decodeGetattrIn, decodeSetattrIn } from "./decode.ts";
import { decodeStatxIn } from "./decode_ranges.ts";
import { encodeAttrOut, encodeStatfsOut, encodeStatxOut } from "./encode.ts";
import type { AttrOut, StatFsOut, StatxAttr } from "./file_system.ts";
import type { Operation } from "./operation.ts";

export const getattr: Operation<AttrOut> = {
  call: (fileSystem, request, caller) => fileSystem.getattr(request.nodeId, decodeGetattrIn(request), caller),
  encode: encodeAttrOut,
};

export const statx: Operation<AttrOut & { attr: StatxAttr }> = {
  call: (fileSystem, request, caller) => fileSystem.statx(request.nodeId, decodeStatxIn(request), caller),
  encode: encodeStatxOut,
};

export const setattr: Operation<AttrOut> = {
  call: (fileSystem, request, caller) => fileSystem.setattr(request.nodeId, decodeSetattrIn(request), caller),
  encode: encodeAttrOut,
};

export const readlink: Operation<Uint8Array> = {
  call(fileSystem, request, caller) {
    request.need(0);
    return fileSystem.readlink(request.nodeId, caller);
  },
  encode: (reply, target) => reply.append(target),
};

export const statfs: Operation<StatFsOut> = {
  call(fileSystem, request, caller) {
    request.need(0);
    return fileSystem.statfs(request.nodeId, caller);
  },
  encode: encodeStatfsOut,
};

export const access: Operation<void> = {
  call: (fileSystem, request, caller) => fileSystem.access(request.nodeId, decodeAccessIn(request), caller),
};
