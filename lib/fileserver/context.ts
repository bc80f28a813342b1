import type { BulkSource } from "../rpc/mod.ts";
import type { Directories } from "./directories.ts";
import type { Handles } from "./handles.ts";
import type { Listings } from "./listings.ts";
import type { Locks } from "./locks.ts";
import type { Policy } from "./policy.ts";
import type { SlowDisks } from "./slow_disks.ts";
import type { Walks } from "./walks.ts";
import type { Watches } from "./watches.ts";

/** Counters for --debug and benchmarks. */
export interface FileStatistics {
  requests: number;
  /** Requests answered with an errno, missing files included. */
  failed: number;
  bytesRead: number;
  bytesWritten: number;
  /** Pieces that were not in the page cache. */
  diskReads: number;
  /** The name of the file of which content was sent last. */
  sending: string;
}

/** What the operations work on. */
export interface Context {
  readonly directories: Directories;
  readonly handles: Handles;
  readonly listings: Listings;
  readonly locks: Locks;
  readonly policy: Policy;
  /** Absent where nobody is told of changes. */
  readonly watches?: Watches;
  readonly slowDisks: SlowDisks;
  readonly walks: Walks;
  /** See FileServerOptions. */
  readonly waitsHere: boolean;
  readonly statistics: FileStatistics;
  /** A bulk source has bytes again. */
  readonly wake: () => void;
}

/** The reply's body; 0 for an empty one, or minus errno. */
export type Answer = Uint8Array | number;

/** An answer in pieces. */
export interface BulkAnswer {
  readonly flow: number;
  readonly source: BulkSource;
  /** See Incoming.replyBulk. */
  readonly isMovable?: boolean;
}

/** Answers the request whose body this is. May throw DecodeError. */
export type Operation = (context: Context, body: Uint8Array) => Answer | BulkAnswer | Promise<Answer>;
