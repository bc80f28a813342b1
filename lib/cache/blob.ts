import type { Stat } from "../linux/mod.ts";
import type { Background } from "./background.ts";

/** A content of the cache, in use. */
export interface Blob {
  /** For pread(2). Valid until {@link Blob.release}, also after the cache is closed. */
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
  /**
   * Whether the content is still what was verified; to be asked once, right before it is used. Where it was verified in
   * another boot it is read for that: a ms a MB, or what the disk takes. If not, the cache has dropped it.
   */
  isSound(): boolean;
  /** Ends the use; until then the content is not removed, by no session. */
  release(): void;
}

/**
 * What must not have changed of a file for its content to be what it was. Every write and every change of attributes
 * changes its ctime, which nobody can set. Not the device: its number may be another one after the next boot.
 */
export function stampOf({ ino, size, mtime, mtimeNsec, ctime, ctimeNsec }: Stat): string {
  return `${ino} ${size} ${mtime}.${mtimeNsec} ${ctime}.${ctimeNsec}`;
}

/** A blob with a descriptor of its own. */
export class OpenBlob implements Blob {
  readonly fd: number;
  readonly size: number;
  readonly #background: Background;
  readonly #check: () => boolean;
  #isOpen = true;

  constructor(file: { fd: number; size: number; check: () => boolean }, background: Background) {
    this.fd = file.fd;
    this.size = file.size;
    this.#check = file.check;
    this.#background = background;
  }

  isSound(): boolean {
    return this.#check();
  }

  release(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#background.close(this.fd);
  }
}
