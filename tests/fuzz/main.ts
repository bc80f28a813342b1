/**
 * Feeds the parts of the program that take bytes of the other machine with what no honest one would send:
 *
 *     scripts/deno task fuzz [seconds [part of a target's name [first seed]]]
 *     scripts/deno task fuzz --replay FILE
 *
 * Prints how many rounds each target had. A failure prints its seed, which makes the same input again, and the shortest
 * input found that fails in the same way, which is saved to a file for --replay.
 *
 * @module
 */
import { feed, replay } from "./child.ts";
import { targets } from "./targets.ts";

/** Longest turn of a target, in seconds. */
const TURN = 60;

/** The targets by turns until the time is up; false when one failed. */
async function run(seconds: number, names: readonly string[], first: number): Promise<boolean> {
  const rounds = new Map<string, number>(names.map((name) => [name, 0]));
  const turns = Math.ceil(seconds / (TURN * names.length));
  const turn = seconds / (turns * names.length);
  let good = true;
  for (let i = 0; i < turns && good; i++) {
    for (const name of names) {
      const done = rounds.get(name)!;
      const outcome = await feed(name, { seconds: turn, seed: first + done });
      if (!outcome.success) console.log(outcome.output);
      good &&= outcome.success;
      rounds.set(name, done + outcome.rounds);
    }
  }
  for (const [name, count] of rounds) console.log(`${name}: ${count} rounds from seed ${first}`);
  return good;
}

async function main([seconds = "60", part = "", first = String(Date.now() % 1_000_000_000)]: string[]) {
  if (seconds === "--replay") {
    const { success, output } = await replay(part);
    console.log(output);
    return success;
  }
  const names = targets.map(({ name }) => name).filter((name) => name.includes(part));
  if (names.length > 0 && Number(seconds) > 0) return await run(Number(seconds), names, Number(first));
  console.error(
    `Cannot fuzz "${part}" for ${seconds} s: the targets are ${targets.map(({ name }) => name).join(", ")}`,
  );
  return false;
}

Deno.exit(await main(Deno.args) ? 0 : 1);
