/** Counts up with every change of {@link schema}: an index of another version is replaced. */
export const SCHEMA_VERSION = 2;

/**
 * The index. `blob.stamp` is what the file's attributes were when its content was verified (see stampOf), `boot` the boot
 * of the kernel in which that was, `used` the ms since 1970 of the last use that was noted. `total` has one row. `name` is for people: what the content was called on
 * the machine that it came from.
 */
export const schema = `
  CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    boot TEXT NOT NULL,
    used INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX blob_by_use ON blob (used);

  CREATE TABLE name (
    blob INTEGER NOT NULL REFERENCES blob ON DELETE CASCADE,
    machine TEXT NOT NULL,
    path BLOB NOT NULL,
    PRIMARY KEY (blob, machine)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE total (entries INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  INSERT INTO total VALUES (0, 0);
  CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
    UPDATE total SET entries = entries + 1, bytes = bytes + new.size;
  END;
  CREATE TRIGGER blob_removed AFTER DELETE ON blob BEGIN
    UPDATE total SET entries = entries - 1, bytes = bytes - old.size;
  END;

  PRAGMA user_version = ${SCHEMA_VERSION};
`;
