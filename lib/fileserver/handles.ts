import { close, Errno } from "../linux/mod.ts";

/** An open file. */
export interface OpenFile {
  readonly fd: number;
  /** The device that it is on. */
  readonly device: number;
  /** Reads, writes and syncs under way. */
  users: number;
  /** The agent has let go of it. */
  released: boolean;
}

/**
 * The files the agent has open, under numbers of its choice. A file that is let go of while a thread is busy with it stays open until that is over: its descriptor's number could be another file's by then.
 */
export class Handles {
  readonly #open = new Map<number, OpenFile>();
  readonly #limit: number;

  /** `limit`: most handles in use. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(fh: number): OpenFile | undefined {
    return this.#open.get(fh);
  }

  /** 0 when a file may be opened under this number; EBADF when there is one, ENFILE when there are too many. */
  check(fh: number): number {
    if (this.#open.has(fh)) return -Errno.EBADF;
    return this.#open.size >= this.#limit ? -Errno.ENFILE : 0;
  }

  /** Takes over `fd`; the number was checked. */
  add(fh: number, fd: number, device: number): void {
    this.#open.set(fh, { fd, device, users: 0, released: false });
  }

  /** Keeps the descriptor open until {@link drop}. */
  hold(file: OpenFile): void {
    file.users++;
  }

  drop(file: OpenFile): void {
    file.users--;
    if (file.released && file.users === 0) close(file.fd);
  }

  /** Frees a number; 0, or EBADF. */
  release(fh: number): number {
    const file = this.#open.get(fh);
    if (file === undefined) return -Errno.EBADF;
    this.#open.delete(fh);
    file.released = true;
    if (file.users === 0) close(file.fd);
    return 0;
  }

  /** Releases every handle. */
  close(): void {
    for (const fh of [...this.#open.keys()]) this.release(fh);
  }
}
