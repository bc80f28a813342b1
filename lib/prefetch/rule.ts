import type { Program } from "./program.ts";

/** Knows what one kind of program asks for when it starts. */
export interface Rule {
  /** For messages. */
  readonly name: string;
  /** Whether `program` is of that kind; cheap, as every rule is asked about every program. */
  applies(program: Program): boolean;
  /** Tells `program` what it will want, in the order in which it will; hands on whatever it will execute. May throw. */
  plan(program: Program): void;
}
