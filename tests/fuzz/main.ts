/**
 * Feeds the parts of the program that take bytes of the other machine with what no honest one would send:
 *
 *     scripts/deno task fuzz [seconds [part of a target's name [first seed]]]
 *     scripts/deno task fuzz --replay FILE
 *
 * Prints how many rounds each target had. A failure prints its seed, which makes the same input again, and the shortest
 * input found that fails, which is saved to a file for --replay.
 *
 * @module
 */
import { check, Finding, formatInput, fuzz, parseInput, type Target } from "./target.ts";
import { targets } from "./targets.ts";

/** How long a target runs before the next one's turn. */
const TURN_MS = 20_000;

/** Where the seed of the round under way is written, for whoever has to end this process because it hangs. */
function progress(): (target: Target, seed: number) => void {
  const path = Deno.env.get("OUTRUN_FUZZ_PROGRESS");
  if (path === undefined) return () => {};
  const file = Deno.openSync(path, { write: true, create: true });
  const encoder = new TextEncoder();
  return (target, seed) => {
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(encoder.encode(`${target.name}, seed ${seed}`.padEnd(64) + "\n"));
  };
}

async function replay(path: string): Promise<void> {
  const { name, input } = parseInput(Deno.readTextFileSync(path));
  const target = targets.find((target) => target.name === name);
  if (target === undefined) throw new Error(`Cannot replay "${path}": there is no target "${name}"`);
  await check(target, input);
  console.log(`${name}: ${path} is dealt with as it must be`);
}

function report(finding: Finding): void {
  const text = formatInput(finding.target, finding.input);
  const path = Deno.makeTempFileSync({ prefix: "outrun_fuzz_", suffix: ".txt" });
  Deno.writeTextFileSync(path, text);
  console.log(`${finding.message}\nthe input, also in ${path} (scripts/deno task fuzz --replay ${path}):\n${text}`);
}

/** The chosen targets by turns, until the time is up. */
async function run(seconds: number, chosen: readonly Target[], first: number): Promise<void> {
  const rounds = new Map<Target, number>(chosen.map((target) => [target, 0]));
  const note = progress();
  const turn = Math.min(TURN_MS, seconds * 1000 / chosen.length);
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    for (const target of chosen) {
      const done = rounds.get(target)!;
      const count = await fuzz(target, { seed: first + done, ms: turn, onRound: (seed) => note(target, seed) });
      rounds.set(target, done + count);
    }
  }
  for (const [target, count] of rounds) console.log(`${target.name}: ${count} rounds from seed ${first}`);
}

const [seconds = "60", part = "", first = String(Date.now() % 1_000_000_000)] = Deno.args;
try {
  if (seconds === "--replay") await replay(part);
  else await run(Number(seconds), targets.filter(({ name }) => name.includes(part)), Number(first));
  Deno.exit(0);
} catch (error) {
  if (error instanceof Finding) report(error);
  else console.error(error);
  Deno.exit(1);
}
