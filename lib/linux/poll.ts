import { Errno } from "./errno.ts";
import { libc, negative, whileUsing } from "./libc.ts";

export const POLLIN = 1;
export const POLLOUT = 4;

/** Until `fd` is ready for `events`, or broken, on a thread of the runtime's pool. */
export async function awaitReady(fd: number, events: number): Promise<void> {
  const set = new Uint8Array(8);
  const view = new DataView(set.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  await whileUsing([set], libc().pollAsync(set, 1, -1));
}

/** The descriptors that one poll(2) waits for, and what to do when one is ready. */
export class Poller {
  #fds: number[] = [];
  #handlers: ((events: number) => void)[] = [];
  #interests: number[] = [];
  #set = new Uint8Array(0);
  #view = new DataView(this.#set.buffer);
  #changed = true;

  /** Watches `fd` for `events`; errors and hang-ups are always reported. */
  add(fd: number, events: number, handler: (events: number) => void): void {
    this.#fds.push(fd);
    this.#interests.push(events);
    this.#handlers.push(handler);
    this.#changed = true;
  }

  /** Changes what is waited for; with 0 the descriptor is not looked at, hang-ups included. */
  want(fd: number, events: number): void {
    const index = this.#fds.indexOf(fd);
    if (index < 0 || this.#interests[index] === events) return;
    this.#interests[index] = events;
    this.#changed = true;
  }

  remove(fd: number): void {
    const index = this.#fds.indexOf(fd);
    if (index < 0) return;
    this.#fds.splice(index, 1);
    this.#interests.splice(index, 1);
    this.#handlers.splice(index, 1);
    this.#changed = true;
  }

  /** Blocks the thread for at most `timeout` ms (-1: without limit), then calls the handlers of what is ready; how many. */
  wait(timeout: number): number {
    if (this.#changed) this.#rebuild();
    const ready = negative(libc().poll(this.#set, this.#fds.length, timeout));
    if (ready === -Errno.EINTR || ready === 0) return 0;
    if (ready < 0) throw new Error(`Cannot poll: errno ${-ready}`);
    const fds = this.#fds.slice();
    const handlers = this.#handlers.slice();
    for (let i = 0; i < fds.length; i++) {
      const events = this.#view.getUint16(i * 8 + 6, true);
      // An earlier handler of this turn may have removed the descriptor.
      if (events !== 0 && this.#fds.includes(fds[i])) handlers[i](events);
    }
    return ready;
  }

  /** struct pollfd: i32 fd, i16 events, i16 revents. */
  #rebuild(): void {
    this.#set = new Uint8Array(this.#fds.length * 8);
    this.#view = new DataView(this.#set.buffer);
    for (let i = 0; i < this.#fds.length; i++) {
      // poll(2) ignores negative descriptors; with events 0 it would still report hang-ups, again and again.
      this.#view.setInt32(i * 8, this.#interests[i] === 0 ? ~this.#fds[i] : this.#fds[i], true);
      this.#view.setInt16(i * 8 + 4, this.#interests[i], true);
    }
    this.#changed = false;
  }
}
