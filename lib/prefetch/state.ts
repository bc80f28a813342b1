/**
 * What the local side remembers between sessions: the digests of files.
 *
 * @module
 */

export { type Digest, Digests } from "./digests.ts";
