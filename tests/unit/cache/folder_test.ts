import assert from "node:assert/strict";
import { BlobCache, CacheError } from "../../../lib/cache/mod.ts";
import { libc } from "../../../lib/linux/mod.ts";
import { Fixture } from "./fixture.ts";
import { SessionProcess } from "./session_process.ts";

const SAME = 0xffff_ffff;
const USER = 65533;
const asRoot = { ignore: Deno.uid() !== 0 };

/** A folder that must be refused, and with which words. */
function isRefused(folder: string, why: string): void {
  const options = { folder, machine: "here", maxSize: 1000, maxEntries: 10 };
  assert.throws(() => BlobCache.open(options), new CacheError(`Cannot use the cache "${folder}": ${why}`));
}

function withFolder(action: (folder: string) => void): void {
  const parent = Deno.makeTempDirSync({ prefix: "outrun_cache_" });
  try {
    action(`${parent}/cache`);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

Deno.test("BlobCache.open() refuses a symbolic link and a file", () => {
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}.real`, { mode: 0o700 });
    Deno.symlinkSync(`${folder}.real`, folder);
    isRefused(folder, "it is a symbolic link");
    Deno.removeSync(folder);
    Deno.writeTextFileSync(folder, "");
    isRefused(folder, "it is not a folder");
    isRefused(`${folder}/below`, "ENOTDIR");
    assert.deepEqual([...Deno.readDirSync(`${folder}.real`)], []);
  });
});

Deno.test("BlobCache.open() refuses a folder that others may write to, and closes one that they may read", async () => {
  await using fixture = new Fixture();
  Deno.mkdirSync(fixture.folder);
  for (const mode of [0o770, 0o702, 0o777]) {
    Deno.chmodSync(fixture.folder, mode);
    isRefused(fixture.folder, "others may write to it");
  }
  Deno.chmodSync(fixture.folder, 0o755);
  fixture.open();
  assert.equal(Deno.statSync(fixture.folder).mode! & 0o777, 0o700);
});

Deno.test("BlobCache.open() refuses another user's folder, and one that may not be written to", asRoot, () => {
  withFolder((folder) => {
    Deno.mkdirSync(folder, { mode: 0o700 });
    Deno.chownSync(folder, USER, USER);
    isRefused(folder, `it belongs to user ${USER}`);
    Deno.chmodSync(folder.replace(/\/cache$/, ""), 0o755);
    Deno.chmodSync(folder, 0o500);
    libc().setresuid(SAME, USER, SAME);
    try {
      isRefused(folder, "permission denied");
      isRefused(`${folder}/below`, "permission denied");
    } finally {
      libc().setresuid(SAME, 0, SAME);
    }
  });
});

Deno.test("BlobCache.open() makes the folder, and those above it", async () => {
  await using fixture = new Fixture();
  const folder = `${fixture.folder}/a/b`;
  const cache = BlobCache.open({ folder, machine: "here", maxSize: 1000, maxEntries: 10 });
  cache.close();
  for (const path of [fixture.folder, `${fixture.folder}/a`, folder]) {
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
  }
});

Deno.test("BlobCache.open() refuses a file system that is read-only", asRoot, async () => {
  await using fixture = new Fixture();
  fixture.open().close();
  const { folder } = fixture;
  const readOnly = ["unshare", "-m", "sh", "-c", `mount --bind -o ro "$0" "$0" && exec "$@"`, folder];
  await using refused = new SessionProcess(["refused", folder], readOnly);
  assert.deepEqual(await refused.end(), [`Cannot use the cache "${folder}": the file system is read-only`]);
});

Deno.test("BlobCache keeps what it has and takes no more while the disk is full", asRoot, async () => {
  await using fixture = new Fixture();
  fixture.open().close();
  const { folder } = fixture;
  const small = ["unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=8m none "$0/.." && exec "$@"`, folder];
  await using full = new SessionProcess(["full", folder], small);
  assert.deepEqual(await full.end(), [
    "too large: undefined",
    'Cannot write the blob "…": ENOSPC',
    "without a row: false, file: false",
    "full: undefined",
    "stored again: true",
    "right: true",
  ]);
});

Deno.test("BlobCache.open() refuses a folder that holds other files, and changes nothing there", async () => {
  await using fixture = new Fixture();
  Deno.mkdirSync(fixture.at("tmp"), { recursive: true });
  Deno.chmodSync(fixture.folder, 0o755);
  Deno.writeTextFileSync(fixture.at("tmp/mine"), "mine");
  assert.throws(() => fixture.open(), /Cannot use the cache ".*": it holds other files; name a folder that is empty/);
  assert.equal(Deno.readTextFileSync(fixture.at("tmp/mine")), "mine");
  assert.deepEqual([...Deno.readDirSync(fixture.folder)].map(({ name }) => name), ["tmp"]);
  assert.equal(Deno.statSync(fixture.folder).mode! & 0o777, 0o755);
});

Deno.test("BlobCache.open() marks its folder for backups", async () => {
  await using fixture = new Fixture();
  fixture.open();
  assert.match(Deno.readTextFileSync(fixture.at("CACHEDIR.TAG")), /^Signature: 8a477f597d28d172789f06886806bc55\n/);
});
