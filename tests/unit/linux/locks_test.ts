import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  close,
  Errno,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  LAST_BYTE,
  O_RDONLY,
  O_RDWR,
  openAt,
  setFileLock,
  setRangeLock,
  testRangeLock,
} from "../../../lib/linux/mod.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** Two open file descriptions of one file. */
function twice(flags: number, action: (one: number, other: number) => void): void {
  const path = Deno.makeTempFileSync();
  const [one, other] = [flags, O_RDWR].map((flags) => openAt(AT_FDCWD, path as ByteString, flags));
  try {
    action(one, other);
  } finally {
    close(one);
    close(other);
    Deno.removeSync(path);
  }
}

Deno.test("setRangeLock() excludes other descriptions, to the last byte", () => {
  twice(O_RDWR, (one, other) => {
    assert.equal(setRangeLock(one, { type: F_WRLCK, start: 10n, end: 19n }), 0);
    assert.equal(setRangeLock(other, { type: F_RDLCK, start: 0n, end: 10n }), -Errno.EAGAIN);
    assert.equal(setRangeLock(other, { type: F_RDLCK, start: 19n, end: 19n }), -Errno.EAGAIN);
    assert.equal(setRangeLock(other, { type: F_WRLCK, start: 0n, end: 9n }), 0);
    assert.equal(setRangeLock(other, { type: F_WRLCK, start: 20n, end: LAST_BYTE }), 0);
    assert.equal(setRangeLock(one, { type: F_UNLCK, start: 12n, end: 13n }), 0);
    assert.equal(setRangeLock(other, { type: F_WRLCK, start: 12n, end: 13n }), 0);
  });
});

Deno.test("testRangeLock() tells what is in the way, and the ends of the range", () => {
  twice(O_RDWR, (one, other) => {
    const whole = { type: F_WRLCK, start: 0n, end: LAST_BYTE };
    assert.deepEqual((testRangeLock(one, whole) as { type: number }).type, F_UNLCK);
    const huge = { type: F_RDLCK, start: 0x7fff_ffff_ffff_fff0n, end: LAST_BYTE - 1n };
    assert.equal(setRangeLock(other, huge), 0);
    assert.deepEqual(testRangeLock(one, whole), huge);
    assert.equal(setRangeLock(other, whole), 0);
    assert.deepEqual(testRangeLock(one, huge), whole);
    assert.equal((testRangeLock(other, whole) as { type: number }).type, F_UNLCK);
  });
});

Deno.test("setRangeLock() is EBADF for what the description is not open for", () => {
  twice(O_RDONLY, (readOnly) => {
    assert.equal(setRangeLock(readOnly, { type: F_RDLCK, start: 0n, end: 0n }), 0);
    assert.equal(setRangeLock(readOnly, { type: F_WRLCK, start: 0n, end: 0n }), -Errno.EBADF);
    assert.equal(testRangeLock(-1, { type: F_WRLCK, start: 0n, end: 0n }), -Errno.EBADF);
  });
});

Deno.test("setFileLock() shares, excludes, changes and lets go, apart from ranges", () => {
  twice(O_RDONLY, (one, other) => {
    assert.equal(setRangeLock(other, { type: F_WRLCK, start: 0n, end: LAST_BYTE }), 0);
    assert.equal(setFileLock(one, F_RDLCK), 0);
    assert.equal(setFileLock(other, F_RDLCK), 0);
    assert.equal(setFileLock(one, F_WRLCK), -Errno.EAGAIN);
    assert.equal(setFileLock(other, F_WRLCK), 0, "the attempt has lost the lock");
    assert.equal(setFileLock(one, F_RDLCK), -Errno.EAGAIN);
    assert.equal(setFileLock(other, F_UNLCK), 0);
    assert.equal(setFileLock(one, F_RDLCK), 0);
  });
});
