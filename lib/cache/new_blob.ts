/**
 * A content on its way into the cache:
 *
 * 1. `write` appends to a temporary file, which holds a shared lock from its first moment, and hashes.
 * 2. `commit` compares size and digest. From here on it is found in this session, by the descriptor it was written to.
 * 3. Arrivals gives it its name and puts it in the index. From here on everybody finds it.
 *
 * Killed before 3, it is a temporary file that nobody has locked, which the next session removes.
 */
import { createHash } from "node:crypto";
import { duplicate, errnoName, writeAt } from "../linux/mod.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Background } from "./background.ts";
import { type Blob, OpenBlob } from "./blob.ts";
import { CacheError } from "./cache_error.ts";
import type { ByteString } from "../bytes/mod.ts";
import type { Digest } from "./digest.ts";

/** A content that is being written to the cache. */
export interface NewBlob extends Blob {
  /** What it must be in the end. */
  readonly size: number;
  /** Bytes written so far: these can be read. */
  readonly written: number;
  /** Appends; best in pieces of at most 64 KiB, as it hashes them here and now. Throws a CacheError: the disk is full. */
  write(bytes: Uint8Array<ArrayBuffer>): void;
  /**
   * Ends the writing. From here on this session finds the content; others do as soon as the index can be written. Throws a
   * CacheError, and leaves nothing of it, when it is not what its digest says: what was read from `fd` may be wrong.
   */
  commit(): void;
  /** Ends the use; before {@link NewBlob.commit}, it abandons the content. */
  release(): void;
}

/** What it is to be, and the file for it. */
export interface NewBlobOptions {
  readonly digest: Digest;
  readonly size: number;
  readonly path: ByteString;
  readonly fd: number;
  /** The temporary file's name in the cache's folder. */
  readonly temporary: string;
}

/** The one kind of {@link NewBlob}. Its descriptor is open for as long as its user or Arrivals needs it. */
export class ArrivingBlob implements NewBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly path: ByteString;
  readonly fd: number;
  readonly temporary: string;
  readonly #hash = createHash("sha256");
  readonly #arrivals: Arrivals;
  readonly #background: Background;
  #written = 0;
  #state: "growing" | "failed" | "committed" = "growing";
  #isUsed = true;
  #isHeld = false;

  constructor(options: NewBlobOptions, parts: { arrivals: Arrivals; background: Background }) {
    ({ digest: this.digest, size: this.size, path: this.path, fd: this.fd, temporary: this.temporary } = options);
    this.#arrivals = parts.arrivals;
    this.#background = parts.background;
  }

  get written(): number {
    return this.#written;
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#state !== "growing" || !this.#isUsed) throw this.#error("write", "it is not being written any more");
    if (this.#written + bytes.length > this.size) {
      throw this.#fail("write", `more than its ${this.size} bytes came`);
    }
    const done = writeAt(this.fd, bytes, this.#written);
    if (done < bytes.length) throw this.#fail("write", done < 0 ? errnoName(-done) : "the disk is full");
    this.#hash.update(bytes);
    this.#written += bytes.length;
  }

  commit(): void {
    if (this.#state !== "growing" || !this.#isUsed) throw this.#error("commit", "it is not being written any more");
    if (this.#written < this.size) throw this.#fail("commit", `${this.#written} of ${this.size} bytes came`);
    if (this.#hash.digest("hex") !== this.digest) throw this.#fail("commit", "its content has another digest");
    this.#state = "committed";
    this.#isHeld = true;
    this.#arrivals.take(this);
  }

  release(): void {
    if (!this.#isUsed) return;
    this.#isUsed = false;
    if (this.#state === "growing") this.#arrivals.abandon(this);
    this.#closeUnused();
  }

  /** What has just been hashed. */
  isSound(): boolean {
    return this.#state === "committed";
  }

  /** Arrivals is done with it, one way or the other. */
  letGo(): void {
    this.#isHeld = false;
    this.#closeUnused();
  }

  /** The same content for another user of this session, while Arrivals has it. */
  share(): Blob | undefined {
    const fd = duplicate(this.fd);
    return fd < 0 ? undefined : new OpenBlob({ fd, size: this.size, check: () => true }, this.#background);
  }

  #closeUnused(): void {
    if (!this.#isUsed && !this.#isHeld) this.#background.close(this.fd);
  }

  #fail(action: string, why: string): CacheError {
    this.#state = "failed";
    this.#arrivals.abandon(this);
    return this.#error(action, why);
  }

  #error(action: string, why: string): CacheError {
    return new CacheError(`Cannot ${action} the blob "${this.digest}": ${why}`);
  }
}
