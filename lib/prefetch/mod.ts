/**
 * What a command is going to ask for, known before it asks.
 *
 * @module
 */

export * from "./state.ts";
export type { Want } from "./want.ts";
