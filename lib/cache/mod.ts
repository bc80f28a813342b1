/**
 * The contents that the agent keeps on the remote machine, so that the next session need not fetch them again.
 *
 * Objective: a hit costs microseconds on the agent's thread, is never wrong, and whatever happens (kill -9, a cut of
 * power, a full disk, ten sessions at once) leaves a cache that can be used. Decision: a content is one file named by its
 * SHA-256 ({@link ./cache_folder.ts}); a SQLite database ({@link ./schema.ts}) says which files were verified, and what
 * their attributes were then. A file that is not as the index says is dropped and fetched again; an index that is damaged
 * is dropped with all there is. The database is the lock under which names change, and flock on the files keeps what is
 * in use: both go with the process that holds them.
 *
 * How far it goes: the content is hashed when it comes, and at its first use after a boot: nothing waits until it is on the
 * disk (a session would have to, seconds at its end), so a cut of power may have left something else. What a disk changes
 * in it without the kernel's knowledge is not noticed; that is the disk's and the file system's promise. What is in the cache is as secret as the folder is (0700):
 * root on the remote machine can read it, as it can read what the command reads.
 *
 * Rejected: hashing at every use (0.6 ms a MB on the thread that serves everything); one large file or blobs in SQLite (no
 * descriptor to hand to the kernel, and removing is copying); files without an index (no last use but atime, which mounts
 * switch off, and nothing that says a file was whole before the power was cut); a daemon that owns the cache (it would
 * outlive the session); network file systems (the index is memory that all its users share).
 *
 * @module
 */

export type { Blob } from "./blob.ts";
export { BlobCache, type BlobInfo, type CacheOptions, type CacheSummary } from "./blob_cache.ts";
export { CacheError } from "./cache_error.ts";
export type { Digest } from "./digest.ts";
export type { NewBlob } from "./new_blob.ts";
export type { Removed } from "./removal.ts";
export type { BlobName } from "./rows.ts";
