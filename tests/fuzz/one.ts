/**
 * Feeds one target, in a process of its own: run by child.ts, which sees to the namespaces that it needs.
 *
 *     one.ts NAME SECONDS SEED PROGRESS    PROGRESS: a file where the seed of the round under way is written
 *     one.ts --replay FILE
 *
 * @module
 */
import { check, Finding, formatInput, fuzz, parseInput, type Target } from "./target.ts";
import { targets } from "./targets.ts";

const encoder = new TextEncoder();

function targetOf(name: string): Target {
  const target = targets.find((target) => target.name === name);
  if (target === undefined) throw new Error(`Cannot fuzz "${name}": there is no such target`);
  return target;
}

async function replay(path: string): Promise<void> {
  const { name, input } = parseInput(Deno.readTextFileSync(path));
  await check(targetOf(name), input);
  console.log(`${name}: ${path} is dealt with as it must be`);
}

async function run([name, seconds, seed, progress]: string[]): Promise<void> {
  const target = targetOf(name);
  using file = Deno.openSync(progress, { write: true });
  const onRound = (seed: number) => {
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(encoder.encode(String(seed).padEnd(16)));
  };
  const rounds = await fuzz(target, { seed: Number(seed), ms: Number(seconds) * 1000, onRound });
  console.log(`${rounds} rounds`);
}

function report(finding: Finding): void {
  const text = formatInput(finding.target, finding.input);
  const path = Deno.makeTempFileSync({ prefix: "outrun_fuzz_", suffix: ".txt" });
  Deno.writeTextFileSync(path, text);
  console.log(`${finding.message}\nthe input, also in ${path} (scripts/deno task fuzz --replay ${path}):\n${text}`);
}

try {
  if (Deno.args[0] === "--replay") await replay(Deno.args[1]);
  else await run(Deno.args);
  Deno.exit(0);
} catch (error) {
  if (error instanceof Finding) report(error);
  else console.log(error);
  Deno.exit(1);
}
