import { fromText, toBytes, toText } from "../bytes/mod.ts";
import { encodeInvalInode, FUSE_ROOT_ID, Server } from "../fuse/mod.ts";
import { Errno, errnoName, POLLIN, setNonBlocking, unwrap, write, writeAsync } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import {
  AgentNote,
  AgentOp,
  decodeChanged,
  decodeNumber,
  decodeRun,
  decodeSignal,
  decodeWindow,
  encodeNumber,
  encodeRunOut,
  FileNote,
  type RunIn,
  type RunOut,
  STDERR,
  STDIN,
  STDOUT,
} from "../protocol/mod.ts";
import { type Connection, createConnection, type Incoming } from "../rpc/mod.ts";
import { type AgentOptions, parseAgentOptions } from "./agent_options.ts";
import { Changes } from "./changes.ts";
import { type Command, type CommandStdio, launch } from "./command/mod.ts";
import { isDying } from "./dying.ts";
import { Link } from "./link.ts";
import { Loop } from "./loop.ts";
import { Mirror } from "./mirror.ts";
import { rootOverlay } from "./root_overlay.ts";
import { Inlet, Outlet } from "./stdio.ts";

/** How long the mirrored file system may take to vanish after its last process and its last dirty page. */
const UNMOUNT_MS = 30_000;

/** The role `agent`: serves one command, then returns the status of the process. */
export async function runAgent(args: readonly string[]): Promise<number> {
  const options = parseAgentOptions(args);
  log.configure({ role: "agent", debug: options.debug });
  // The local side waits for this line; binary frames follow it.
  write(1, toBytes(fromText(`${options.nonce} agent\n`)));
  return await new Agent(options).run();
}

/** One command from its first namespace to its last byte. */
class Agent {
  readonly #options: AgentOptions;
  readonly #loop: Loop;
  readonly #connection: Connection;
  readonly #link: Link;
  readonly #outlets = new Map<number, Outlet>();
  #command: Command | undefined;
  #device: { fd: number; proc: number } | undefined;
  #mirror: Mirror | undefined;
  #changes: Changes | undefined;
  /** What the local side watches from the start. */
  readonly #watched: number[] = [];
  /** Local changes that came in this turn of the loop. */
  #news: ((changes: Changes) => void)[] = [];
  #server: Server | undefined;
  /** The request whose answer is the command's end. */
  #run: { call: Incoming; spec: RunIn } | undefined;
  #result: RunOut | undefined;
  /** performance.now() of the result, or of what the link last moved after it. */
  #resultTime = 0;
  #moved = 0;
  #answered = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#loop = new Loop({
      turn: () => this.#turn(),
      tick: () => this.#tick(),
      isCrowded: () => this.#changes?.isCrowded() ?? false,
    });
    this.#connection = createConnection({
      handler: {
        request: (call) => call.op === AgentOp.RUN ? this.#onRun(call) : call.fail(Errno.ENOSYS),
        notify: (op, body) => this.#notified(op, body),
      },
      onPending: () => this.#link.pending(),
      onError: (error) => log.error(`Cannot deal with a message: ${error}`),
    });
    this.#link = new Link({
      poller: this.#loop.poller,
      connection: this.#connection,
      onEnd: () => this.#onLinkEnd(),
    });
  }

  async run(): Promise<number> {
    this.#launch();
    await this.#loop.run();
    log.debug(`link: ${JSON.stringify(this.#connection.statistics)}`);
    return 0;
  }

  /** Namespaces, streams and the runner, while the local side is still sending what to run. */
  #launch(): void {
    const { stdio, ids } = this.#options;
    try {
      this.#command = launch({
        poller: this.#loop.poller,
        executable: fromText(Deno.execPath()),
        stdio,
        ids,
        events: {
          mounted: (fd, proc) => {
            this.#device = { fd, proc };
            this.#mount();
          },
          executed: () => log.debug("the command runs"),
          stopped: (signal) => this.#connection.notify(FileNote.STOPPED, encodeNumber(signal)),
          continued: () => {},
          ended: (result) => this.#finish(result),
        },
      });
    } catch (error) {
      this.#discardInput();
      return this.#finish({ kind: "failed", message: (error as Error).message });
    }
    this.#connectStreams(this.#command.stdio);
  }

  /** The local side sends what it has for a command before it can know that there is none. */
  #discardInput(): void {
    const input = this.#connection.stream(STDIN, { onData: (bytes) => input.consumed(bytes.length) });
  }

  #connectStreams({ stdin, stdout, stderr, screen }: CommandStdio): void {
    const common = { poller: this.#loop.poller, connection: this.#connection };
    const interactive = screen !== undefined;
    new Inlet({ ...common, fd: stdin, id: STDIN, interactive });
    const outputs: [number, number | undefined][] = [[STDOUT, stdout ?? screen], [STDERR, stderr]];
    for (const [id, fd] of outputs) {
      if (fd !== undefined) this.#outlets.set(id, new Outlet({ ...common, fd, id, interactive: fd === screen }));
    }
  }

  #onRun(call: Incoming): void {
    if (this.#run !== undefined) return call.fail(Errno.ENOSYS);
    this.#run = { call, spec: decodeRun(call.body) };
    this.#mount();
  }

  /** Serves the mount and lets the runner go on, once there is a device and something to run. */
  #mount(): void {
    if (this.#device === undefined || this.#run === undefined || this.#server !== undefined) return;
    const { fd, proc } = this.#device;
    const { spec } = this.#run;
    this.#mirror = new Mirror({
      connection: this.#connection,
      root: spec.root,
      overlay: rootOverlay(),
      owner: { uid: spec.uid, gid: spec.gid },
      writeBack: !this.#options.syncWrites,
      hasId: (id) => this.#command?.hasId(id) ?? false,
      syncFiles: (onEnd) => this.#command?.syncFiles(onEnd),
      notify: (message) => this.#loop.settled(writeAsync(fd, message)),
    });
    for (const number of this.#watched) this.#mirror.tree.directories.watched(number);
    const server = new Server(fd, this.#mirror, {
      init: { writebackCache: !this.#options.syncWrites },
      isDying: (pid) => isDying(proc, pid),
      // The kernel made the root's inode before it knew that there are ACLs, and would ask for its at each step from
      // there; this ends that.
      onInit: () => void server.device.send(encodeInvalInode(FUSE_ROOT_ID)),
      onEnd: (error) => {
        this.#loop.poller.remove(fd);
        this.#device = undefined;
        this.#changes = undefined;
        if (error !== undefined) this.#finish({ kind: "failed", message: error.message });
      },
    });
    this.#server = server;
    this.#changes = new Changes({
      connection: this.#connection,
      tree: this.#mirror.tree,
      write: (message) => this.#loop.track(writeAsync(fd, message)),
    });
    unwrap(setNonBlocking(fd), "make the FUSE device nonblocking");
    this.#loop.poller.add(fd, POLLIN, () => server.device.readable());
    this.#command?.go(spec);
  }

  #notified(op: number, body: Uint8Array): void {
    switch (op) {
      case AgentNote.SIGNAL:
        return this.#command?.signal(decodeSignal(body));
      case AgentNote.WATCHED:
        if (this.#mirror === undefined) this.#watched.push(decodeNumber(body));
        else this.#mirror.tree.directories.watched(decodeNumber(body));
        return;
      case AgentNote.CHANGED: {
        const note = decodeChanged(body);
        const time = performance.now();
        this.#news.push((changes) => changes.apply(note, time));
        return;
      }
      case AgentNote.ALL_CHANGED:
        this.#mirror?.tree.directories.unwatchAll();
        this.#news.push((changes) => changes.applyToAll());
        return;
      case AgentNote.RESIZE:
        return this.#command?.resize(decodeWindow(body));
      case AgentNote.CLOSE_OUTPUT:
        return this.#outlets.get(decodeNumber(body))?.close();
    }
  }

  /** The command is over: everything that belongs to it ends. */
  #finish(result: RunOut): void {
    if (this.#result !== undefined) return;
    this.#result = result;
    this.#resultTime = performance.now();
    this.#command?.end();
  }

  /** The link is gone, and with it everybody who could be told. */
  #onLinkEnd(): void {
    this.#connection.close();
    this.#command?.end();
    this.#loop.stop();
  }

  /** At the end of each turn of the loop. */
  #turn(): void {
    const news = this.#news;
    this.#news = [];
    if (this.#changes !== undefined) { for (const apply of news) apply(this.#changes); }
    this.#answer();
    this.#link.flush();
    if (this.#answered && this.#link.isFlushed) this.#loop.stop();
  }

  /** Answers RUN when nothing of the command is left: its processes, its dirty pages, its output. */
  #answer(): void {
    if (this.#result === undefined || this.#run === undefined || this.#answered) return;
    const drained = [...this.#outlets.values()].every((outlet) => outlet.isDrained);
    if (!drained || (this.#server !== undefined && this.#device !== undefined)) return;
    this.#answered = true;
    this.#run.call.reply(encodeRunOut(this.#judged(this.#result)));
  }

  /** A command that succeeded without noticing that its bytes were lost has not succeeded. */
  #judged(result: RunOut): RunOut {
    const lost = this.#mirror?.lostWrite;
    if (lost === undefined || result.kind !== "exited" || result.status !== 0) return result;
    const why = errnoName(lost.errno);
    return {
      kind: "failed",
      message: `Cannot write "${toText(lost.path)}": ${why}; the command ended with status 0 all the same`,
    };
  }

  #tick(): void {
    this.#server?.tick();
    if (this.#result === undefined || this.#device === undefined) return;
    const { bytesIn, bytesOut } = this.#connection.statistics;
    // Dirty pages are still being written out.
    if (bytesIn + bytesOut !== this.#moved) this.#resultTime = performance.now();
    this.#moved = bytesIn + bytesOut;
    if (performance.now() - this.#resultTime < UNMOUNT_MS) return;
    this.#device = undefined;
    this.#result = { kind: "failed", message: "Cannot finish: the files are still in use on the other machine" };
  }
}
