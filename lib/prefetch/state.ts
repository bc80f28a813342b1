/**
 * What the local side remembers between sessions: what commands touched, and the digests of files.
 *
 * @module
 */

export { type Digest, Digests } from "./digests.ts";
export { type Trace, type TracedCommand, Traces } from "./traces.ts";
