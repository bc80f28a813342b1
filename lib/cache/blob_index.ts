import { DatabaseSync } from "node:sqlite";
import { log } from "../log/mod.ts";
import { Rows } from "./rows.ts";
import { schema, SCHEMA_VERSION } from "./schema.ts";

/** How long a statement may wait for other sessions on the caller's thread, in ms. */
const PATIENCE_MS = 10;

/** An index that is there but cannot be used. */
export type Unusable = "locked" | "damaged";

/**
 * The index of the blobs: a SQLite database in WAL mode, so that reading never waits for a writer. Nothing is thrown:
 * what cannot be done now (others hold the lock, the disk is full) is left undone, and a database that is damaged is
 * closed for good, after which there is nothing to find here.
 */
export class BlobIndex {
  readonly #db: DatabaseSync;
  readonly #rows: Rows;
  #isOpen = true;
  #isDamaged = false;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#rows = new Rows(db);
  }

  /** Makes an index where no file is. Nobody else may do so meanwhile. */
  static create(path: string): void {
    const db = new DatabaseSync(path);
    try {
      // Lost with the power, it is an index that is damaged.
      db.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL");
      db.exec(`BEGIN; ${schema} COMMIT`);
    } finally {
      db.close();
    }
  }

  /** Opens the index that is there. Throws what SQLite throws when the reason is neither of the two. */
  static open(path: string): BlobIndex | Unusable {
    const db = new DatabaseSync(path);
    try {
      // The constructor's own option is not heeded by Deno 2.5.7, which waits 5 s. NORMAL: a commit does not wait for
      // the disk; the last ones may be lost with the power, but in order.
      db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON`);
      if (db.prepare("PRAGMA user_version").get()?.user_version === SCHEMA_VERSION) return new BlobIndex(db);
      db.close();
      return "damaged";
    } catch (error) {
      db.close();
      const kind = kindOf(error);
      if (kind === "locked" || kind === "damaged") return kind;
      throw error;
    }
  }

  /** False once it had to be closed. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether that was because its content cannot be right. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** What `action` gives; undefined when the index cannot be read. */
  read<T>(action: (rows: Rows) => T): T | undefined {
    if (!this.#isOpen) return undefined;
    try {
      return action(this.#rows);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /**
   * Does something while no other session can write: all names below blobs/ change under this lock. False when nothing
   * has come of it in the index; if the lock was not to be had, `action` did not run.
   */
  write(action: (rows: Rows) => void): boolean {
    return this.read((rows) => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        action(rows);
        this.#db.exec("COMMIT");
        return true;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    }) ?? false;
  }

  /** Does something with more patience than the caller of find() has. */
  patiently<T>(ms: number, action: () => T): T {
    const wait = (ms: number) => this.read(() => this.#db.exec(`PRAGMA busy_timeout = ${ms}`));
    wait(ms);
    try {
      return action();
    } finally {
      wait(PATIENCE_MS);
    }
  }

  /** The last session to close writes the WAL back, and waits for the disk. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#db.close();
    } catch (error) {
      if (kindOf(error) === undefined) throw error;
    }
  }

  #rollBack(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch (error) {
      // SQLite has rolled back by itself.
      if (kindOf(error) === undefined) throw error;
    }
  }

  #failed(error: unknown): void {
    const kind = kindOf(error);
    if (kind === undefined) throw error;
    log.debug(`the cache's index: ${(error as Error).message}`);
    if (kind === "locked" || kind === "full") return;
    this.#isDamaged = kind === "damaged";
    this.close();
  }
}

/**
 * What an error of SQLite means; undefined for others. They carry no number: the messages are sqlite3ErrStr()'s, and one
 * of Deno's own for statements that do not fit the tables.
 */
function kindOf(error: unknown): Unusable | "full" | "broken" | undefined {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code !== "ERR_SQLITE_ERROR") return undefined;
  if (/\blocked\b|\bbusy\b/.test(message!)) return "locked";
  if (/database or disk is full/.test(message!)) return "full";
  return /malformed|not a database|failed to prepare statement/.test(message!) ? "damaged" : "broken";
}
