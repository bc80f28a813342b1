/**
 * The link: many calls and streams over one ordered byte pipe, in both directions, without a key press ever waiting
 * behind a file.
 *
 * Objective: one pipe (ssh's stdin and stdout) carries small requests that somebody waits for, contents of files, and
 * terminals. The small must overtake the large, memory must stay bounded whatever the peer does, and every byte from the
 * peer is checked.
 *
 * Decision: frames with a 12-byte header (SPEC.md beside this file). Urgent frames go strictly before bulk data, which is cut
 * into pieces of 64 KiB, made only when the pipe has room ({@link BulkSource}), and kept short in flight by an adaptive
 * window. A {@link Connection} does no input or output: its owner moves the bytes, so the agent can drive it from a poll
 * loop and the local side from asynchronous streams. Only an errno crosses the link, never an error's text.
 *
 * Decision: where one pipe carries less than there is to send, bulk replies may leave by further ones (channels), each with
 * its own window; when one breaks, what was not acknowledged goes by the first.
 *
 * Rejected: HTTP/2 or yamux semantics, whose windows bound memory at the receiver but not the queue inside the pipe, which
 * is what a key press waits for; and one pipe for each purpose, which needs as many logins or forwarded ports.
 *
 * @module
 */

export { createConnection } from "./connection.ts";
export { STREAM_WINDOW } from "./frames.ts";
export * from "./types.ts";
