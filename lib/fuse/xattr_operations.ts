/** Operations on extended attributes. */
import { Errno, ErrnoError } from "../linux/mod.ts";
import { decodeName } from "./decode.ts";
import { decodeGetxattrIn, decodeListxattrIn, decodeSetxattrIn } from "./decode_ranges.ts";
import { encodeGetxattrOut } from "./encode.ts";
import type { Operation } from "./operation.ts";

/** What the file has, and the bytes the kernel has room for (0: it wants to know how many there are). */
interface Sized {
  readonly data: Uint8Array;
  readonly size: number;
}

const sizedAnswer: Pick<Operation<Sized>, "encode"> = {
  encode(reply, { data, size }) {
    if (size === 0) return encodeGetxattrOut(reply, data.length);
    if (data.length > size) throw new ErrnoError(Errno.ERANGE, `answer with ${data.length} bytes where ${size} fit`);
    reply.append(data);
  },
};

export const getxattr: Operation<Sized> = {
  ...sizedAnswer,
  call(fileSystem, request, caller) {
    const { name, size } = decodeGetxattrIn(request);
    const data = fileSystem.getxattr(request.nodeId, name, caller);
    return data instanceof Promise ? data.then((data) => ({ data, size })) : { data, size };
  },
};

export const listxattr: Operation<Sized> = {
  ...sizedAnswer,
  call(fileSystem, request, caller) {
    const size = decodeListxattrIn(request);
    const data = fileSystem.listxattr(request.nodeId, caller);
    return data instanceof Promise ? data.then((data) => ({ data, size })) : { data, size };
  },
};

export const setxattr: Operation<void> = {
  call(fileSystem, request, caller) {
    const { name, xattr } = decodeSetxattrIn(request);
    return fileSystem.setxattr(request.nodeId, name, xattr, caller);
  },
};

export const removexattr: Operation<void> = {
  call: (fileSystem, request, caller) => fileSystem.removexattr(request.nodeId, decodeName(request), caller),
};
