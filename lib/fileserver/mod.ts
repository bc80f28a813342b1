/**
 * The local side's file operations: answers what the agent asks of the local disk.
 *
 * Objective: the agent can do with the exported tree what the local user could, and nothing beyond it, whatever bytes it
 * sends. Decision: a number stands for a directory and is backed by an O_PATH descriptor; a file is one name in such a
 * directory. So there are no paths to resolve, no `..`, and no symbolic link is ever followed on the agent's behalf; a
 * directory that is renamed stays reachable, and the kernel caches nothing for us that could be out of date. A name
 * always comes with the inode it is meant for: it is opened with O_PATH | O_NOFOLLOW, checked by its descriptor, and only
 * then reopened for reading or writing, so nobody can put another file in between. Device nodes, fifos and sockets are
 * never opened. What the policy keeps from the agent stands in policy.ts.
 *
 * Operations run one after the other on the caller's thread where they meet the kernel's caches, as they mostly do: a hop
 * to another thread costs ten times the call. What would wait for a disk is done by the runtime's threads (32), and what
 * comes behind goes on: lookups of names that the kernel does not know (openat2 with RESOLVE_CACHED tells), listings,
 * reads, syncs, openings where nobody tells of changes, and what is written to a file once a write to it was slow. Changes
 * of names stay on this thread.
 *
 * All of it is done with the ids of this process. When the local user is root, that is root, whoever asks in the mount:
 * the agent's kernel has checked permissions before; what somebody else creates there becomes theirs (OWNER).
 *
 * Rejected: openat2 with RESOLVE_BENEATH on paths (a path is another file after a rename above it); inode handles
 * (open_by_handle_at wants root); Deno's file API (names that are not UTF-8, no descriptors of directories).
 *
 * @module
 */

export { describePath } from "./describe.ts";
export type { FileStatistics } from "./context.ts";
export * from "./file_server.ts";
export { openContent } from "./open_content.ts";
export * from "./serving_process.ts";
export type { StartPack, ToldFile } from "./start_pack.ts";
