import { aheadLimit, createFileServer, type FileServer, linkedFilesLimit } from "../fileserver/mod.ts";
import { Errno, errnoName, kill, SIGCONT, SIGTSTP } from "../linux/mod.ts";
import { log, timeline } from "../log/mod.ts";
import {
  AgentNote,
  AgentOp,
  decodeRunOut,
  decodeSearched,
  decodeStarted,
  decodeTrace,
  encodeNumber,
  encodeRun,
  encodeSignal,
  encodeWindow,
  FileNote,
  FileOp,
  LOGGED,
  type RunIn,
  type RunOut,
  type SignalNote,
  STDERR,
  STDIN,
  STDOUT,
  type Touched,
} from "../protocol/mod.ts";
import { type Connection, createConnection, ProtocolError, RpcError } from "../rpc/mod.ts";
import type { Link } from "../ssh/mod.ts";
import { Channels } from "./channels.ts";
import { Pump } from "./pump.ts";
import { forwardSignals } from "./signals.ts";
import type { Start } from "./start.ts";
import type { TellOptions } from "./telling.ts";
import { StartProgress } from "./start_progress.ts";
import { receiveOutput, sendInput } from "./stdio.ts";
import type { LocalTerminal } from "./terminal.ts";

/** Bytes of answers that may wait for a link that does not take them. */
const MAX_QUEUED = 8 * 1024 * 1024;
/** Local changes are gathered, not sent, while so many bytes wait. */
const MAX_NEWS = 1024 * 1024;
/** How long output that has come may take to be written when the link is lost. */
const LAST_OUTPUT_MS = 1000;
/** The agent tells of no more. */
const MAX_TOUCHED = 30_000;

/** The link ended before the command did. */
export class LinkLostError extends Error {
  override name = "LinkLostError";
}

/** What a session is made of. */
export interface SessionOptions {
  /** May still be on its way: what there is to send waits for it. */
  readonly link: Promise<Link>;
  readonly command: RunIn;
  /** Present when the command gets a terminal. */
  readonly terminal?: LocalTerminal;
  /** Whether the command's stderr is the terminal too. */
  readonly stderrIsTerminal: boolean;
  /** What is told ahead of the command. */
  readonly start?: Start;
  /** Done when the link stands, before the command is started. */
  readonly before?: (connection: Connection) => Promise<void>;
  /** What the command reads; by default this process's stdin. */
  readonly input?: { read(into: Uint8Array): Promise<number | null> };
}

/** One command on the other machine: serves it files, moves its streams, and waits for its end. */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #files: FileServer;
  readonly #pump: Pump;
  readonly #channels: Channels;
  /** Why output could not be written, other than that nobody reads it. */
  #lostOutput: string | undefined;
  /** Requests of the agent, by operation. */
  readonly #requests = new Map<number, number>();
  readonly #touched: Touched[] = [];
  /** How the command ended is known. */
  #isOver = false;
  /** The command says something. */
  #onOutput = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#connection = createConnection({
      handler: {
        request: (request) => {
          this.#requests.set(request.op, (this.#requests.get(request.op) ?? 0) + 1);
          this.#files.request(request);
        },
        notify: (op, body) => this.#notified(op, body),
      },
      onPending: () => this.#pump.start(),
      onError: (error) => log.error(`Cannot deal with a message: ${error}`),
    });
    this.#pump = new Pump({
      pipe: { write: async (bytes) => await (await options.link).write(bytes) },
      connection: () => this.#connection,
      // Not the end: the other machine may have said its last word without listening to ours. Reading tells the end.
      onBroken: () => log.debug("the link takes nothing any more"),
    });
    this.#channels = new Channels({ connection: this.#connection, link: options.link });
    this.#files = createFileServer({
      wake: () => this.#connection.wake(),
      tell: (op, body) => this.#connection.notify(op, body),
      isCongested: () => this.#queued > MAX_NEWS,
      maxAhead: aheadLimit(options.command.directories),
      maxLinkedFiles: linkedFilesLimit(),
    });
  }

  /** Tells of files ahead of the command, before the link stands. */
  tellAhead(): void {
    this.#options.start?.tell(this.#telling);
  }

  /** How the command ended, when everything it wrote is here. The link stands. Throws {@link LinkLostError}. */
  async run(): Promise<RunOut> {
    const { command, terminal, before } = this.#options;
    const outputs = this.#connectStreams();
    const stopForwarding = forwardSignals((note) => this.#signal(note));
    const resized = () => terminal && this.#connection.notify(AgentNote.RESIZE, encodeWindow(terminal.window()));
    if (terminal) Deno.addSignalListener("SIGWINCH", resized);
    terminal?.enterRaw();
    const progress = new StartProgress({ statistics: this.#files.statistics });
    this.#onOutput = () => progress.done();
    try {
      const lost = this.#receive().then(async () => {
        await Promise.race([outputs, new Promise((resolve) => setTimeout(resolve, LAST_OUTPUT_MS))]);
        throw new LinkLostError("Cannot go on: the connection to the other machine was lost");
      });
      if (before !== undefined) {
        await Promise.race([before(this.#connection).catch((error) => refused(error) ?? lost), lost]);
      }
      this.#options.start?.goOn(this.#telling);
      const reply = this.#connection.call(AgentOp.RUN, encodeRun(command)).reply.then(decodeRunOut);
      timeline.mark("told what to run");
      const result = await Promise.race([reply.catch((error) => refused(error) ?? lost), lost]);
      timeline.mark("heard the command's end");
      this.#isOver = true;
      await outputs;
      if (this.#lostOutput === undefined) return result;
      return { kind: "failed", message: `Cannot write what the command said: ${this.#lostOutput}` };
    } finally {
      progress.done();
      this.#channels.close();
      terminal?.restore();
      stopForwarding();
      if (terminal) Deno.removeSignalListener("SIGWINCH", resized);
      this.#files.close();
      this.#logStatistics();
    }
  }

  /** What the command touched; all of it when it has ended. */
  get touched(): readonly Touched[] {
    return this.#touched;
  }

  get #telling(): TellOptions {
    return {
      files: this.#files,
      notify: (op, body) => this.#connection.notify(op, body),
      isCongested: () => this.#queued > MAX_NEWS,
    };
  }

  /** Until the link ends. */
  async #receive(): Promise<void> {
    const link = await this.#options.link;
    try {
      for (;;) {
        // Whoever asks and does not listen is not heard until the answers are out.
        while (this.#queued > MAX_QUEUED && !this.#pump.isBroken) await this.#pump.moved;
        const bytes = await link.read();
        if (bytes === undefined) {
          // It would wait for the other machine's word on each of its channels.
          if (this.#isOver && this.#channels.wereOpened) link.kill();
          return;
        }
        this.#connection.receive(bytes);
        this.#channels.consider();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      log.error(`Cannot understand the other machine: ${error.message}`);
      link.kill();
    } finally {
      this.#connection.close();
    }
  }

  /** Bytes that wait to be sent, ahead of all bulk data. */
  get #queued(): number {
    return this.#connection.statistics.urgentQueued;
  }

  #connectStreams(): Promise<unknown> {
    const connection = this.#connection;
    const interactive = this.#options.terminal !== undefined;
    sendInput({ connection, id: STDIN, interactive, source: { read: (into) => this.#readInput(into) } });
    const output = (id: number, interactive: boolean, sink: { write(p: Uint8Array): Promise<number> }) =>
      receiveOutput({
        connection,
        id,
        interactive,
        sink: {
          write: (bytes) => {
            this.#onOutput();
            return sink.write(bytes);
          },
        },
        onBroken: (error) => {
          if (!(error instanceof Deno.errors.BrokenPipe)) this.#lostOutput ??= `${error}`;
          connection.notify(AgentNote.CLOSE_OUTPUT, encodeNumber(id));
        },
      });
    const outputs = [output(STDOUT, interactive, Deno.stdout)];
    if (!interactive || !this.#options.stderrIsTerminal) outputs.push(output(STDERR, false, Deno.stderr));
    return Promise.all(outputs);
  }

  /** Who sends input may have changed files before. */
  async #readInput(into: Uint8Array): Promise<number | null> {
    const count = await (this.#options.input ?? Deno.stdin).read(into);
    this.#files.tellChanges();
    return count;
  }

  #notified(op: number, body: Uint8Array): void {
    if (op === FileNote.STOPPED) this.#stopped();
    else if (op === FileNote.TRACE) this.#noteTouched(decodeTrace(body));
    else if (op === FileNote.STARTED) this.#options.start?.started(decodeStarted(body));
    else if (op === FileNote.SEARCHED) this.#options.start?.searched(decodeSearched(body));
    else this.#files.notify(op, body);
  }

  #noteTouched(touched: readonly Touched[]): void {
    if (this.#touched.length < MAX_TOUCHED) this.#touched.push(...touched);
  }

  #logStatistics(): void {
    const names = new Map<number, string>(
      Object.entries(FileOp).flatMap(([name, op]) => [[op, name], [op | LOGGED, `${name}-BEHIND`]]),
    );
    const requests = [...this.#requests].map(([op, count]) => `${names.get(op) ?? op} ${count}`).join(", ");
    log.debug(`requests: ${requests}; link: ${JSON.stringify(this.#connection.statistics)}`);
  }

  #signal(note: SignalNote): void {
    this.#files.tellChanges();
    this.#connection.notify(AgentNote.SIGNAL, encodeSignal(note));
  }

  /** Ctrl-Z stopped the command: this process stops too, as the command would have; `fg` goes on here. */
  #stopped(): void {
    const { terminal } = this.#options;
    if (terminal === undefined) return;
    // When it was closed meanwhile, the shell has said its SIGHUP and SIGCONT already: nobody would continue this process.
    // Closed from here on, they are still to come.
    if (terminal.isOpen) {
      terminal.restore();
      // The group: what runs beside us in a pipeline stops with us. Not ssh, which ignores this: were it stopped too, a
      // kill -9 of this process would leave it.
      kill(0, SIGTSTP);
      terminal.enterRaw();
      this.#connection.notify(AgentNote.RESIZE, encodeWindow(terminal.window()));
    }
    this.#signal({ signal: SIGCONT, group: true });
  }
}

/** What a refusal of RUN means; undefined: the link ended, which the other side of the race tells better. */
function refused(error: unknown): never | undefined {
  const errno = error instanceof RpcError ? error.errno : Errno.EPROTO;
  if (errno === Errno.ENOTCONN) return undefined;
  if (errno === Errno.E2BIG) {
    throw new Error(
      "Cannot send the command: its arguments and environment are longer than 4 MiB; pass them in a file",
    );
  }
  throw new Error(`Cannot run the command: the other machine says ${errnoName(errno)}`, { cause: error });
}
