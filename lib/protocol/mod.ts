/**
 * What the two sides say to each other: one table of operations, one encoder and one decoder a message.
 *
 * A file is named by its directory and one name in it, or by an open handle, never by a path: a path means another file
 * as soon as a directory above it is renamed. The agent chooses the numbers of directories and handles, so that it can
 * use them in the same flight in which it announces them. Each reference carries the inode it is meant for: when the name
 * stands for another file by now, the answer is ESTALE, and the kernel looks the name up again.
 *
 * Both ends are the same build (the agent is found by the hash of the executable), so there are no versions here.
 *
 * Rejected: paths (above); numbers given by the local side (a round trip before first use); JSON (names are bytes).
 *
 * @module
 */

export * from "./attributes.ts";
export * from "./channel.ts";
export * from "./check.ts";
export * from "./directory.ts";
export * from "./extended.ts";
export * from "./fetch.ts";
export * from "./file.ts";
export * from "./locks.ts";
export * from "./names_changed.ts";
export * from "./operations.ts";
export * from "./ranges.ts";
export * from "./run.ts";
export * from "./start_pack.ts";
export * from "./started.ts";
export * from "./trace.ts";
export * from "./walk.ts";
