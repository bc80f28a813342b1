/**
 * The other machine's side: the mirrored file system, and the command that lives in it.
 *
 * Objective: the command sees the local machine's files as if they were here, and when anything dies (the command, the
 * link, the local side, this process), nothing is left here but the installed executable. Decision: one thread with one
 * poll loop ({@link ./loop.ts}) moves the link, the FUSE device, the command's streams and its end; requests of the kernel
 * become requests to the local side ({@link ./mirror.ts}) and nothing here ever touches its own mount. The command runs in
 * namespaces of its own ({@link ./command/mod.ts}), which vanish with the descriptor that keeps them.
 *
 * Rejected: the runtime's event loop (two to four times the CPU a request), worker threads (each hand-over costs more than
 * a request), a daemon that outlives the session.
 *
 * @module
 */

export { runAgent } from "./run_agent.ts";
