/**
 * x
 * @module
 */
export type { CommandLine } from "./command_line.ts";
export type { Disk, FileStat, Range } from "./disk.ts";
export { planStart, type PlanStartOptions } from "./plan_start.ts";
export type { Want } from "./want.ts";
export * from "./state.ts";
