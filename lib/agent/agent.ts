import { toText } from "../bytes/mod.ts";
import { encodeInvalInode, FUSE_ROOT_ID, Server, WAITS_MS } from "../fuse/mod.ts";
import { close, Errno, errnoName, POLLIN, readAtAsync, setNonBlocking, unwrap, writeAsync } from "../linux/mod.ts";
import { log, timeline } from "../log/mod.ts";
import {
  AgentNote,
  AgentOp,
  decodeChanged,
  decodeDirectoryChanged,
  decodeNumber,
  decodePack,
  decodeRun,
  decodeSignal,
  decodeWindow,
  encodeNumber,
  encodeRunOut,
  encodeTrace,
  FileNote,
  type RunIn,
  type RunOut,
  STDERR,
  STDIN,
  STDOUT,
} from "../protocol/mod.ts";
import { type Connection, createConnection, type Incoming } from "../rpc/mod.ts";
import type { AgentOptions } from "./agent_options.ts";
import type { Cache } from "./cache.ts";
import { Changes } from "./changes.ts";
import { Channels } from "./channels.ts";
import type { ReadAsync } from "./chunk.ts";
import { Command, type CommandStdio, type Launched } from "./command/mod.ts";
import { Contents } from "./contents.ts";
import { isDying } from "./dying.ts";
import { Keeper } from "./keeper.ts";
import { Link } from "./link.ts";
import { Loop } from "./loop.ts";
import { measure } from "./measure.ts";
import { Mirror } from "./mirror.ts";
import { ownFolder } from "./own_folder.ts";
import { Programs } from "./programs.ts";
import { Recorder } from "./recorder.ts";
import { Rights } from "./rights.ts";
import { rootOverlay } from "./root_overlay.ts";
import { inflatePack } from "./inflate_pack.ts";
import { showOwner } from "./show_owner.ts";
import { Inlet, Outlet } from "./stdio.ts";

/** How long the mirrored file system may take to vanish after its last process and its last dirty page. */
const UNMOUNT_MS = 30_000;
/** How long contents may be put into the cache after the command's end. */
const KEEP_MS = 500;
/** Bytes of paths in one note: fewer than it may have, by more than the longest path. */
const TRACE_BYTES = 32 * 1024;

/** One command from its runner to its last byte. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #loop: Loop;
  readonly #connection: Connection;
  readonly #link: Link;
  readonly #channels: Channels;
  readonly #outlets = new Map<number, Outlet>();
  #launched: Launched | undefined;
  #command: Command | undefined;
  #device: { fd: number; proc: number } | undefined;
  #mirror: Mirror | undefined;
  readonly #recorder: Recorder | undefined;
  #changes: Changes | undefined;
  readonly #cache: Cache | undefined;
  readonly #keeper: Keeper | undefined;
  #contents: Contents | undefined;
  /** What the local side tells of its files before there is anything to tell it to. */
  readonly #early: ((mirror: Mirror) => void)[] = [];
  /** Local changes that came in this turn of the loop, or before the mount. */
  #news: ((changes: Changes) => void)[] = [];
  #server: Server | undefined;
  /** The request whose answer is the command's end. */
  #run: { call: Incoming; spec: RunIn } | undefined;
  #result: RunOut | undefined;
  /** performance.now() of the result, or of what the link last moved after it. */
  #resultTime = 0;
  #moved = 0;
  #answered = false;

  /** `launched`: the runner, or why there is none. */
  constructor(options: AgentOptions, { launched, cache }: { launched: Launched | Error; cache?: Cache }) {
    this.#options = options;
    this.#cache = cache;
    this.#keeper = cache && new Keeper(cache.cache);
    this.#recorder = options.record ? new Recorder() : undefined;
    this.#loop = new Loop({
      turn: () => this.#turn(),
      tick: () => this.#tick(),
      isCrowded: () => this.#changes?.isCrowded() ?? false,
      idle: this.#keeper,
    });
    this.#connection = createConnection({
      handler: {
        request: (call) => this.#requested(call),
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
    this.#channels = new Channels({
      poller: this.#loop.poller,
      connection: this.#connection,
      folder: ownFolder(),
      onBroken: (why) => this.#link.fail(why),
    });
    if (launched instanceof Error) this.#refuse(launched.message);
    else this.#attend(launched);
  }

  /** Returns the status of the process. */
  async run(): Promise<number> {
    await this.#loop.run();
    this.#channels.close();
    this.#keeper?.finish(KEEP_MS);
    // Whoever waits for a file is let go.
    if (this.#device !== undefined) close(this.#device.fd);
    this.#command?.leave();
    this.#contents?.close();
    this.#cache?.cache.close();
    log.debug(`link: ${JSON.stringify(this.#connection.statistics)}`);
    timeline.tell();
    return 0;
  }

  #attend(launched: Launched): void {
    this.#launched = launched;
    this.#command = new Command({
      ...launched,
      poller: this.#loop.poller,
      events: {
        mounted: (fd, proc) => {
          timeline.mark("mounted");
          this.#device = { fd, proc };
          this.#mount();
        },
        executed: () => timeline.mark("the command runs"),
        stopped: (signal) => this.#connection.notify(FileNote.STOPPED, encodeNumber(signal)),
        continued: () => {},
        ended: (result) => this.#finish(result),
      },
    });
    this.#connectStreams(this.#command.stdio);
  }

  /** The local side sends what it has for a command before it can know that there is none. */
  #refuse(message: string): void {
    const input = this.#connection.stream(STDIN, { onData: (bytes) => input.consumed(bytes.length) });
    this.#finish({ kind: "failed", message });
  }

  #connectStreams({ stdin, stdout, stderr, screen }: CommandStdio): void {
    const common = { poller: this.#loop.poller, connection: this.#connection };
    const interactive = screen !== undefined;
    new Inlet({ ...common, fd: stdin, id: STDIN, interactive });
    const outputs: [number, number | undefined][] = [[STDOUT, stdout ?? screen], [STDERR, stderr]];
    for (const [id, fd] of outputs) {
      if (fd === undefined) continue;
      const isScreen = fd === screen;
      const made = isScreen ? undefined : () => this.#mirror?.tree.log.reached();
      this.#outlets.set(id, new Outlet({ ...common, fd, id, interactive: isScreen, made }));
    }
  }

  #requested(call: Incoming): void {
    switch (call.op) {
      case AgentOp.RUN:
        return this.#onRun(call);
      case AgentOp.MEASURE:
        return measure(call);
      case AgentOp.CHANNEL:
        return this.#channels.open(call);
    }
    call.fail(Errno.ENOSYS);
  }

  #onRun(call: Incoming): void {
    if (this.#run !== undefined) return call.fail(Errno.ENOSYS);
    timeline.mark("told what to run");
    this.#run = { call, spec: decodeRun(call.body) };
    this.#mount();
  }

  /** Serves the mount and lets the runner go on, once there is a device and something to run. */
  #mount(): void {
    if (this.#device === undefined || this.#run === undefined || this.#server !== undefined) return;
    const { fd, proc } = this.#device;
    const { spec } = this.#run;
    const { ids, soleUser } = this.#launched ?? {};
    const connection = this.#connection;
    const readAsync: ReadAsync = (...where) => this.#loop.settled(readAtAsync(...where));
    this.#contents = this.#cache && new Contents({ ...this.#cache, connection, readAsync });
    this.#mirror = new Mirror({
      contents: this.#contents,
      keeper: this.#keeper,
      connection,
      root: spec.root,
      maxDirectories: spec.directories,
      overlay: rootOverlay(),
      owner: { uid: spec.uid, gid: spec.gid },
      writeBack: !this.#options.syncWrites,
      // What is decided here must have been checked by the kernel.
      writeBehind: !this.#options.syncWrites && soleUser === undefined,
      hasId: (id, kind) => ids?.[kind](id) !== undefined,
      rights: soleUser && new Rights(spec),
      showOwner: ids && showOwner(ids, soleUser),
      isHelper: (pid) => this.#command?.isHelper(pid) ?? false,
      syncFiles: (onEnd) => this.#command?.syncFiles(onEnd),
      recorder: this.#recorder,
      programs: this.#recorder && new Programs({ connection, proc, readAsync, env: spec.env }),
      notify: (message) => this.#loop.settled(writeAsync(fd, message)),
    });
    for (const tell of this.#early.splice(0)) {
      try {
        tell(this.#mirror);
      } catch (error) {
        log.error(`Cannot deal with a message: ${error}`);
      }
    }
    const server = new Server(fd, this.#mirror, {
      init: { writebackCache: !this.#options.syncWrites, posixAcl: soleUser === undefined },
      isDying: (pid) => isDying(proc, pid),
      // The kernel made the root's inode before it knew that there are ACLs, and would ask for its at each step from
      // there; this ends that.
      onInit: () => void server.device.send(encodeInvalInode(FUSE_ROOT_ID)),
      onEnd: (error) => {
        timeline.mark("unmounted");
        this.#loop.poller.remove(fd);
        this.#device = undefined;
        this.#changes = undefined;
        if (error !== undefined) this.#finish({ kind: "failed", message: error.message });
      },
    });
    this.#server = server;
    this.#changes = new Changes({
      connection,
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
      case AgentNote.WATCHED: {
        const number = decodeNumber(body);
        return this.#tell((mirror) => mirror.tree.directories.watched(number));
      }
      case AgentNote.PACK:
      case AgentNote.DEFLATED_PACK: {
        const records = decodePack(op === AgentNote.PACK ? body : inflatePack(body));
        return this.#tell((mirror) => mirror.tree.startPack.receive(records));
      }
      case AgentNote.CHANGED: {
        const note = decodeChanged(body);
        const time = performance.now();
        this.#news.push((changes) => changes.apply(note, time));
        return;
      }
      case AgentNote.DIRECTORY_CHANGED: {
        const note = decodeDirectoryChanged(body);
        const time = performance.now();
        this.#news.push((changes) => changes.applyToDirectory(note, time));
        return;
      }
      case AgentNote.ALL_CHANGED:
        this.#tell((mirror) => mirror.tree.directories.unwatchAll());
        this.#news.push((changes) => changes.applyToAll());
        return;
      case AgentNote.RESIZE:
        return this.#command?.resize(decodeWindow(body));
      case AgentNote.CLOSE_OUTPUT:
        return this.#outlets.get(decodeNumber(body))?.close();
    }
  }

  /** Now, or as soon as there is a mirror. */
  #tell(news: (mirror: Mirror) => void): void {
    if (this.#mirror === undefined) this.#early.push(news);
    else news(this.#mirror);
  }

  /** The command is over: everything that belongs to it ends. */
  #finish(result: RunOut): void {
    if (this.#result !== undefined) return;
    timeline.mark("the command ended");
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
    this.#applyNews();
    this.#answer();
    this.#mirror?.turn();
    this.#link.flush();
    if (this.#answered && this.#link.isFlushed) this.#loop.stop();
  }

  /** What changes before there is a mount is told of what was told ahead: it waits. */
  #applyNews(): void {
    if (this.#server === undefined) return;
    const news = this.#news;
    this.#news = [];
    if (this.#changes !== undefined) { for (const apply of news) apply(this.#changes); }
  }

  /** Answers RUN when nothing of the command is left: its processes, its dirty pages, its output. */
  #answer(): void {
    if (this.#result === undefined || this.#run === undefined || this.#answered) return;
    const drained = [...this.#outlets.values()].every((outlet) => outlet.isDrained);
    if (!drained || (this.#server !== undefined && this.#device !== undefined)) return;
    if (this.#mirror?.isDrained === false) return;
    this.#answered = true;
    this.#tellTrace();
    timeline.mark("the end told");
    this.#run.call.reply(encodeRunOut(this.#judged(this.#result)));
  }

  #tellTrace(): void {
    if (this.#recorder === undefined) return;
    const { hits, misses } = this.#recorder;
    const touched = this.#recorder.touched();
    log.debug(`contents, in bytes: ${JSON.stringify(this.#contents?.statistics ?? "not kept")}`);
    log.debug(`walks, in bytes: ${JSON.stringify(this.#mirror?.walks.statistics)}`);
    const waited = this.#server?.waited.map((count, index) => `${count} of ${WAITS_MS[index]} ms or more`);
    log.debug(`requests of the kernel that waited: ${waited?.join(", ")}`);
    const slow = [...this.#server?.slow ?? []].map(([name, count]) => `${count} ${name}`);
    log.debug(`of those, ${WAITS_MS[1]} ms or more: ${slow.join(", ") || "none"}`);
    log.debug(`touched: ${touched.length}, names told ahead: ${hits}, names asked for: ${misses}`);
    for (let at = 0, end = 0, bytes = 0; at < touched.length; at = end, bytes = 0) {
      while (end < touched.length && bytes < TRACE_BYTES) bytes += touched[end++].path.length;
      this.#connection.notify(FileNote.TRACE, encodeTrace(touched.slice(at, end)));
    }
  }

  /** A command that succeeded without noticing that its bytes were lost has not succeeded. */
  #judged(result: RunOut): RunOut {
    const failure = this.#mirror?.tree.log.failure;
    if (failure !== undefined) {
      const message = `Cannot change "${toText(failure.path)}": ${errnoName(failure.errno)}; ` +
        "what the command changed after that is not made";
      return { kind: "failed", message };
    }
    const lost = this.#mirror?.lostWrite;
    if (lost === undefined || result.kind !== "exited" || result.status !== 0) return result;
    const why = errnoName(lost.errno);
    return {
      kind: "failed",
      message: `Cannot write "${toText(lost.path)}": ${why}; the command ended with status 0 all the same`,
    };
  }

  #tick(): void {
    this.#channels.tick();
    this.#server?.tick();
    this.#mirror?.tick();
    this.#command?.tick();
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
