import { Random } from "./choices.ts";

/**
 * What a target is fed with: messages, in order. It alone decides what happens, so that it can be saved and replayed,
 * and made shorter by leaving messages out.
 */
export type Input = readonly Uint8Array[];

/** A part of the program that takes bytes of the other machine. */
export interface Target {
  readonly name: string;
  /** Makes an input of valid and less valid messages. */
  generate(random: Random): Input;
  /** Feeds it; throws where an invariant does not hold. */
  run(input: Input): void | Promise<void>;
}

/** No round takes so long, by far, unless something waits that must not. */
const ROUND_MS = 60_000;
/** What the process may grow by from a round, and in all, in bytes. */
const ROUND_BYTES = 192 << 20;
const TOTAL_BYTES = 1 << 30;
const SHRINK_MS = 10_000;

/** A target that did what it must not, and how to see it again. */
export class Finding extends Error {
  override name = "Finding";
  readonly target: Target;
  readonly seed: number;
  readonly input: Input;

  constructor(at: { target: Target; seed: number; input: Input }, cause: unknown) {
    super(`${at.target.name}, seed ${at.seed}: ${cause instanceof Error ? cause.stack ?? cause.message : cause}`);
    this.target = at.target;
    this.seed = at.seed;
    this.input = at.input;
  }
}

/** Feeds rounds of consecutive seeds until the time is up; returns how many. Throws a {@link Finding}. */
export async function fuzz(
  target: Target,
  { seed, ms, onRound }: { seed: number; ms: number; onRound: (seed: number) => void },
): Promise<number> {
  const end = Date.now() + ms;
  let rounds = 0;
  for (; Date.now() < end; rounds++) {
    const at = (seed + rounds) >>> 0;
    onRound(at);
    const input = target.generate(new Random(at));
    try {
      await check(target, input);
    } catch (error) {
      throw new Finding({ target, seed: at, input: await shrink(target, input, kindOf(error)) }, error);
    }
  }
  return rounds;
}

/** One round, with limits on time and memory. */
export async function check(target: Target, input: Input): Promise<void> {
  const start = Date.now();
  const before = memory();
  await runStrictly(target, input);
  const took = Date.now() - start;
  if (took > ROUND_MS) throw new Error(`it took ${took} ms`);
  const now = memory();
  if (now - before > ROUND_BYTES) throw new Error(`it took ${now - before} bytes of memory`);
  if (now > TOTAL_BYTES) throw new Error(`the process has ${now} bytes of memory`);
}

/** A promise that nobody looks at must not fail either. */
async function runStrictly(target: Target, input: Input): Promise<void> {
  const rejected: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejected.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    await target.run(input);
    await new Promise((resolve) => setTimeout(resolve));
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
  if (rejected.length > 0) throw rejected[0];
}

function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Leaves out every message without which it fails in the same way. */
async function shrink(target: Target, input: Input, kind: string): Promise<Input> {
  const end = Date.now() + SHRINK_MS;
  const fails = async (input: Input) => {
    try {
      await check(target, input);
      return false;
    } catch (error) {
      return kindOf(error) === kind;
    }
  };
  let shortest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length && Date.now() < end;) {
      const shorter = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      if (await fails(shorter)) shortest = shorter;
      else at += size;
    }
  }
  return shortest;
}

/** What a failure is told from others by: its first words, up to a number. */
function kindOf(error: unknown): string {
  return /^[^\d\n]*/.exec(String(error))![0];
}

/** The form in which inputs are saved: the target's name, then a message a line, in hexadecimal digits. */
export function formatInput(target: Target, input: Input): string {
  return [target.name, ...input.map((message) => message.toHex() || "-")].join("\n") + "\n";
}

export function parseInput(text: string): { name: string; input: Input } {
  const [name, ...lines] = text.trimEnd().split("\n").filter((line) => !line.startsWith("#"));
  return { name, input: lines.map((line) => line === "-" ? new Uint8Array() : Uint8Array.fromHex(line)) };
}
