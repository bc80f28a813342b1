/**
 * What people read on stderr: log lines and the progress of long steps.
 *
 * Objective: say nothing when all is well, and one clear line when it is not; never disturb the command's own output.
 * Decision: one {@link Screen} owns stderr, so that a log line never lands inside a progress line; no levels beyond
 * debug, info, warn, error; no files.
 * Rejected: a logging package (formats, transports and configuration for one output stream), `console.error` (colours
 * objects, cannot know about the progress line).
 *
 * @module
 */

export * from "./logger.ts";
export * from "./printable.ts";
export * from "./progress.ts";
export * from "./screen.ts";
export * from "./timeline.ts";
