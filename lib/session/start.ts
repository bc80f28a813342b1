/**
 * A start, ahead of the command's own:
 *
 * 1. while ssh connects: what is the command going to ask for? What it touched the last time (its trace), or what rules
 *    say of such a program; names are looked at and put into the link's queue; of contents, digests are computed
 * 2. the link stands: all that goes out, and behind it the request to run
 * 3. what is further ahead follows, and digests that had to be computed
 * 4. the command searches or starts a program of which nothing was expected: what that is going to need is told likewise
 * 5. the command has ended: what it touched is remembered for the next time
 */
import { toText } from "../bytes/mod.ts";
import { log } from "../log/mod.ts";
import { type CommandLine, Digests, planStart, StartedPrograms, Traces } from "../prefetch/mod.ts";
import type { Searched, Started, Touched } from "../protocol/mod.ts";
import { DigestsAhead } from "./digests_ahead.ts";
import { Telling, type TellOptions } from "./telling.ts";

/** So many bytes go out before the request to run; what is further ahead can follow it. */
const FIRST_BYTES = 512 * 1024;
/** How long a step waits for the one before to be taken by the link. */
const STEP_MS = 5;

/** What is told ahead of one command. */
export class Start {
  readonly #command: CommandLine;
  readonly #traces = Traces.open();
  readonly #wants: readonly Touched[];
  readonly #digests: Digests | undefined;
  readonly #contents: DigestsAhead | undefined;
  readonly #programs: StartedPrograms;
  #telling: Telling | undefined;
  #closed = false;

  /** `contents`: whether the other machine keeps contents. Begins to compute digests; `digests`: by default the user's own. */
  constructor(command: CommandLine, { contents, digests }: { contents: boolean; digests?: Digests }) {
    this.#command = command;
    const trace = this.#traces.find(command);
    const planned = trace === undefined ? new Set<string>() : undefined;
    this.#wants = trace?.wants ?? planStart(command, { planned });
    this.#programs = new StartedPrograms({ command, wants: this.#wants, planned });
    log.debug(`the command is expected to touch ${this.#wants.length} things, by ${trace ? "its trace" : "rules"}`);
    this.#digests = contents ? digests ?? Digests.open() : undefined;
    this.#contents = this.#digests && new DigestsAhead(this.#wants, this.#digests);
  }

  /**
   * Begins to tell, before the link stands: what waits for it stays true, as news of it wait behind. So it is only of
   * directories whose changes are told.
   */
  tell(options: TellOptions): void {
    const began = performance.now();
    this.#telling = new Telling(this.#wants, { ...options, watchedOnly: true });
    this.#telling.until(FIRST_BYTES);
    log.debug(`told ahead: ${this.#telling.account} in ${Math.round(performance.now() - began)} ms`);
  }

  /** The link stands: tells the rest, step by step, and contents. */
  goOn(options: TellOptions): void {
    if (this.#telling === undefined || this.#telling.isPartial) this.#telling = new Telling(this.#wants, options);
    const telling = this.#telling;
    telling.until(FIRST_BYTES);
    const step = () => {
      if (this.#closed) return;
      if (!options.isCongested()) telling.step();
      if (!telling.isDone) setTimeout(step, STEP_MS);
      else this.#contents?.tell((chunk) => telling.chunk(chunk), () => telling.flush());
    };
    step();
  }

  /** The command starts a program: tells what that is going to need, where nobody has. */
  started(program: Started): void {
    const what = `"${toText(program.path)}"${program.running ? ", which runs" : ""}`;
    this.#tellOf(what, () => this.#programs.plan(program));
  }

  /** The command searches a program: tells where that is and what it is going to need, where nobody has. */
  searched({ name }: Searched): void {
    this.#tellOf(`"${toText(name)}", which is searched`, () => this.#programs.search(name));
  }

  /** The command touched this. */
  remember(touched: readonly Touched[]): void {
    if (touched.length > 0) this.#traces.record(this.#command, touched);
  }

  close(): void {
    this.#closed = true;
    this.#contents?.close();
    this.#digests?.close();
  }

  #tellOf(what: string, plan: () => Touched[]): void {
    if (this.#closed || this.#telling === undefined) return;
    const began = performance.now();
    const wants = plan();
    if (wants.length === 0) return;
    this.#telling.now(wants);
    this.#contents?.add(wants);
    log.debug(`told of ${what}: ${wants.length} things in ${Math.round(performance.now() - began)} ms`);
  }
}
