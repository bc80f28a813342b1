import { type FileSystem, Server, type ServerOptions } from "../../../lib/fuse/mod.ts";
import { bindNow, close, libc, O_NONBLOCK, read, write } from "../../../lib/linux/mod.ts";
import { type Header, hex, message } from "./bytes.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;

// Loaded within a test, it would count as that test's leak.
bindNow();

/**
 * A server on one end of a socket that keeps messages apart, as /dev/fuse does; this is the kernel's end. `dying` holds
 * the pids with a SIGKILL pending, `lines` what was logged.
 */
export class FakeDevice {
  readonly server: Server;
  readonly dying = new Set<number>();
  readonly lines: string[] = [];
  readonly ended: (Error | undefined)[] = [];
  #kernel: number;
  readonly #served: number;

  constructor(fileSystem: FileSystem, options: Partial<ServerOptions> = {}) {
    const ends = new Int32Array(2);
    libc().socketpair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK, 0, new Uint8Array(ends.buffer));
    [this.#kernel, this.#served] = ends;
    this.server = new Server(this.#served, fileSystem, {
      isDying: (pid) => this.dying.has(pid),
      onEnd: (error) => this.ended.push(error),
      log: (line) => this.lines.push(line),
      ...options,
    });
  }

  /** Sends a request, has it served, and returns the answers that are there. */
  ask(header: Header, body: string): string[] {
    write(this.#kernel, message(header, body));
    this.server.device.readable();
    return this.answers();
  }

  /** The answers since the last time, each in hex. */
  answers(): string[] {
    const answers: string[] = [];
    const buffer = new Uint8Array(65536);
    for (;;) {
      const length = read(this.#kernel, buffer);
      if (length <= 0) return answers;
      answers.push(hex(buffer.slice(0, length)));
    }
  }

  /** As many requests as the kernel would have waiting, without having them served. */
  queue(header: Header, body: string, count: number): void {
    for (let i = 0; i < count; i++) write(this.#kernel, message(header, body));
  }

  /** From here on reading fails and writing finds nobody. */
  unmount(): void {
    close(this.#kernel);
    this.#kernel = -1;
    this.server.device.readable();
  }

  [Symbol.dispose](): void {
    close(this.#kernel);
    close(this.#served);
  }
}
