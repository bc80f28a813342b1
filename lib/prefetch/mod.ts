/**
 * What a command is going to ask for when it starts, said by the local machine while ssh is still connecting.
 *
 * Objective: a command's first second is hundreds of lookups one after the other, each a round trip when it is answered
 * only on demand. {@link planStart} lists them ahead, in the order in which they will come, names that do not exist
 * included, so that they can be sent along with the command. A want too many costs bandwidth, one too few a round trip;
 * neither can make anything wrong.
 *
 * Decision: rules. Each knows one kind of program (`rules/`, in the order of `registry.ts`): what the loader of a C
 * library does with an executable, what an interpreter does with a script, what setlocale(3) reads. A rule looks at the
 * disk through one small interface, tells its {@link Want}s to the program it was asked about, and hands on what that
 * program will execute, to which all rules are applied in turn. Files are read, nothing is run; what cannot be known
 * without running (conditions, computed names) is guessed towards wanting, and left out where that would be most of it.
 * Number of wants and time are bounded; a rule that fails is skipped. What no rule sees coming is planned for when it
 * is searched or starts ({@link StartedPrograms}).
 *
 * Rejected: asking ldd, file or an interpreter (they are programs that start up themselves, ldd runs the file it is asked
 * about, and their answers lack the names that are tried in vain); recorded runs alone (the first run is the one that
 * people judge by; where there is a record, it complements the rules); following the program with ptrace (too late).
 *
 * @module
 */

export type { CommandLine } from "./command_line.ts";
export type { Disk, FileStat, Range } from "./disk.ts";
export { planStart, type PlanStartOptions } from "./plan_start.ts";
export { type StartedProgram, StartedPrograms, type StartedProgramsOptions } from "./started_programs.ts";
export type { Want } from "./want.ts";
export * from "./state.ts";
