import type { NodeId } from "../../../lib/fuse/mod.ts";
import { Errno, ErrnoError, O_PATH } from "../../../lib/linux/mod.ts";
import { Slots } from "../slots.ts";
import type { Machine } from "./machine.ts";
import { errnoOf, type Place, root } from "./walk.ts";

/** What descriptors that were dup(2)ed share. */
export interface OpenFile {
  readonly nodeId: NodeId;
  readonly fh: number;
  readonly flags: number;
  /** Of a directory. */
  readonly place?: Place;
  position: number;
  descriptors: number;
}

/** A process: its descriptors and where it is. */
export class MirrorProcess {
  readonly machine: Machine;
  readonly fds = new Slots<OpenFile>();
  cwd: Place = root;
  umask = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** EBADF for an index that is not in use. */
  file(index: number): OpenFile {
    const file = this.fds.get(index);
    if (file === undefined) throw new ErrnoError(Errno.EBADF, `use descriptor ${index}`);
    return file;
  }

  where(path: string, follow = true): { from: Place; path: string; follow: boolean } {
    return { from: this.cwd, path, follow };
  }

  /** Where relative paths of an openat(2) begin. */
  placeOf(index: number): Place {
    const { place } = this.file(index);
    if (place === undefined) throw new ErrnoError(Errno.ENOTDIR, "use a directory");
    return place;
  }

  close(index: number): void {
    const file = this.file(index);
    this.fds.remove(index);
    if (--file.descriptors > 0 || (file.flags & O_PATH) !== 0) return;
    if (file.place !== undefined) this.machine.files.releasedir(file.nodeId, file.fh);
    else this.machine.files.release(file.nodeId, file.fh);
  }
}

/** What a failure gives is minus errno. */
export async function result<T>(action: () => T | Promise<T>): Promise<T | number> {
  try {
    return await action();
  } catch (error) {
    return -errnoOf(error);
  }
}
