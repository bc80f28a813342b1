/** Milliseconds, or what to show in their place: why there are none. */
export type Time = number | string;

/** Where and how long a program runs. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: Record<string, string>;
  /** It is killed after that long. */
  readonly limitMs: number;
}

const decoder = new TextDecoder();

/** How long a program runs, from outside; what it writes to stdout is lost. */
export async function time(command: readonly string[], options: RunOptions): Promise<Time> {
  const result = await run(command, options);
  return typeof result === "string" ? result : result.ms;
}

/** The same, and what it writes to stdout and stderr; or why there is nothing. */
export async function run(
  [program, ...args]: readonly string[],
  { limitMs, ...options }: RunOptions,
): Promise<{ ms: number; said: string; errors: string } | string> {
  const start = performance.now();
  const child = new Deno.Command(program, { ...options, args, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limitMs);
  const outputs = Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).bytes()));
  const { code } = await child.status;
  const ms = performance.now() - start;
  clearTimeout(timer);
  const [said, errors] = (await outputs).map((bytes) => decoder.decode(bytes).trim());
  if (late) return `> ${limitMs / 1000} s`;
  if (code === 0) return { ms, said, errors };
  console.error(`${program} ${args.join(" ")}: status ${code}: ${errors}`);
  return `status ${code}`;
}

/** What several runs of the same gave. */
export class Series {
  readonly #times: number[] = [];
  #failure: string | undefined;

  add(time: Time): void {
    if (typeof time === "number") this.#times.push(time);
    else this.#failure ??= time;
  }

  get count(): number {
    return this.#times.length;
  }

  /** In ms. */
  get sum(): number {
    return this.#times.reduce((sum, time) => sum + time, 0);
  }

  /** Why it is not to be run again. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** In ms; undefined when a run failed or none was made. */
  get median(): number | undefined {
    return this.#failure === undefined && this.count > 0 ? median(this.#times) : undefined;
  }
}

/** Of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs the variants in turns, so that what else the machine does hits all of them alike. A variant that failed is left
 * out from then on, and so is one whose runs have taken longer than the limit of one run together.
 */
export async function alternate<Name extends string>(
  variants: Record<Name, () => Promise<Time>>,
  options: { runs: number; limitMs: number; onRun: (run: number, name: Name) => void },
): Promise<Record<Name, Series>> {
  const names = Object.keys(variants) as Name[];
  const series = Object.fromEntries(names.map((name) => [name, new Series()])) as Record<Name, Series>;
  for (let run = 1; run <= options.runs; run++) {
    for (const name of names) {
      if (series[name].failure !== undefined || series[name].sum > options.limitMs) continue;
      options.onRun(run, name);
      series[name].add(await variants[name]());
    }
  }
  return series;
}
