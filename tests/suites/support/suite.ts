import { dirname, join } from "node:path";
import { statSync } from "node:fs";
import type { Machine } from "../../e2e/support/mod.ts";
import type { Budget } from "./budget.ts";

/** Where a suite runs. */
export interface Arena {
  /** The second host, through a session of outrun. */
  readonly there: Machine;
  /** An empty folder of this machine's disk, of the suite's own. */
  readonly folder: string;
  readonly budget: Budget;
}

/** A body of tests for file systems, or a program that puts one to hard use. */
export interface Suite {
  readonly what: string;
  /** What to do about it when the suite is not on this machine. */
  absent?(): string | undefined;
  /** Throws where it does not go as on this machine; returns what was done, in numbers. */
  run(arena: Arena): Promise<string>;
}

function isProgram(path: string): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  return info !== undefined && info.isFile() && (info.mode & 0o111) !== 0;
}

/** The file of a program that `variable` names or that is in $PATH under `name`. */
export function findProgram(name: string, variable: string): string | undefined {
  const given = Deno.env.get(variable);
  if (given !== undefined) return isProgram(given) ? given : undefined;
  return Deno.env.get("PATH")!.split(":").map((folder) => join(folder, name)).find(isProgram);
}

/** The folder of a built suite, by the program in it. */
export function findFolder(program: string, variable: string): string | undefined {
  const given = Deno.env.get(variable);
  const found = given === undefined ? findProgram(program, variable) : join(given, program);
  return found !== undefined && isProgram(found) ? dirname(found) : undefined;
}
