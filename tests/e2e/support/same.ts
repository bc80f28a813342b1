import assert from "node:assert/strict";
import { describeTree, latin1, makeFolder } from "./folder.ts";
import { here, type Machine, type RunOptions } from "./machines.ts";
import type { Result } from "./process.ts";

export interface SameOptions extends Omit<RunOptions, "cwd"> {
  /** A script of `sh` that fills the folder first, on this machine in both cases. */
  readonly setup?: string;
  /** Who owns the folder, if not root. */
  readonly owner?: number;
  /** Whether the files' mtimes are to be the same too; then the command must set them all. */
  readonly times?: boolean;
}

/**
 * Runs a script of `sh` here and on another machine, in a fresh folder of the same name each, and asserts that status,
 * output and the folder's content are the same, byte by byte. Returns what the run elsewhere gave.
 */
export async function same(machine: Machine, script: string, options: SameOptions = {}): Promise<Result> {
  return await sameRun(machine, ["sh", "-c", script], options);
}

/** {@link same} for any command. */
export async function sameRun(machine: Machine, argv: readonly string[], options: SameOptions = {}): Promise<Result> {
  await using parent = await makeFolder();
  const cwd = `${parent.path}/work`;
  const expected = await runIn(cwd, here, { argv, options });
  const actual = await runIn(cwd, machine, { argv, options });
  assert.deepEqual({ ...actual, result: told(actual.result) }, { ...expected, result: told(expected.result) });
  return actual.result;
}

/** A difference in bytes is easier to read as text. */
function told({ status, stdout, stderr }: Result) {
  return { status, stdout: latin1(stdout), stderr };
}

/** Runs in `cwd`, which is made for it and removed again. */
async function runIn(
  cwd: string,
  machine: Machine,
  { argv, options }: { argv: readonly string[]; options: SameOptions },
): Promise<{ result: Result; tree: string[] }> {
  await Deno.mkdir(cwd);
  if (options.setup) {
    const { status, stderr } = await here.shell(`set -e\n${options.setup}`, { cwd });
    assert.equal(status, 0, stderr);
  }
  if (options.owner !== undefined) await here.run(["chown", "-R", `${options.owner}:`, cwd]);
  const result = await machine.run(argv, { ...options, cwd });
  const tree = await describeTree(cwd, { times: options.times });
  await Deno.remove(cwd, { recursive: true });
  return { result, tree };
}
