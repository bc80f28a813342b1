import assert from "node:assert/strict";
import { InitFlag, mountOptions, negotiate } from "../../../lib/fuse/mod.ts";

const everything = { major: 7, minor: 45, maxReadahead: 131072, flags: 0xffff_ffff, flags2: 0xffff_ffff };

/** The names of the flags that are set. */
function names(flags: number): string[] {
  return Object.entries(InitFlag).filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name);
}

const always = [
  "FUSE_ASYNC_READ",
  "FUSE_POSIX_LOCKS",
  "FUSE_FLOCK_LOCKS",
  "FUSE_ATOMIC_O_TRUNC",
  "FUSE_BIG_WRITES",
  "FUSE_ASYNC_DIO",
  "FUSE_PARALLEL_DIROPS",
  "FUSE_MAX_PAGES",
  "FUSE_HANDLE_KILLPRIV_V2",
  "FUSE_POSIX_ACL",
  "FUSE_DONT_MASK",
  "FUSE_SETXATTR_EXT",
  "FUSE_INIT_EXT",
];

Deno.test("negotiate() asks for what the file system supports", () => {
  const usual = [...always, "FUSE_DO_READDIRPLUS", "FUSE_READDIRPLUS_AUTO", "FUSE_CACHE_SYMLINKS"];
  assert.deepEqual(names(negotiate(everything).flags).sort(), [...usual, "FUSE_EXPLICIT_INVAL_DATA"].sort());
  assert.equal(negotiate(everything).flags2, 0);
});

Deno.test("negotiate() follows the options", () => {
  const options = { writebackCache: true, explicitInvalData: false, cacheSymlinks: false, readdirplus: false };
  const { flags } = negotiate(everything, options);
  assert.deepEqual(names(flags).sort(), [...always, "FUSE_WRITEBACK_CACHE", "FUSE_AUTO_INVAL_DATA"].sort());
  const { maxBackground, congestionThreshold, maxReadahead } = negotiate(everything, {
    maxBackground: 64,
    maxReadahead: 4096,
  });
  assert.deepEqual([maxBackground, congestionThreshold, maxReadahead], [64, 48, 4096]);
  assert.equal(negotiate(everything, { congestionThreshold: 7 }).congestionThreshold, 7);
});

Deno.test("negotiate() takes nothing that the kernel does not offer", () => {
  const old = { ...everything, minor: 31, flags: InitFlag.FUSE_ASYNC_READ, flags2: 0 };
  const agreed = negotiate(old, { writebackCache: true });
  assert.deepEqual([agreed.minor, names(agreed.flags)], [31, ["FUSE_ASYNC_READ"]]);
  assert.equal(agreed.maxReadahead, 131072);
});

Deno.test("negotiate() speaks at most 7.45, and tells a newer major version ours", () => {
  assert.equal(negotiate({ ...everything, minor: 99 }).minor, 45);
  const next = negotiate({ ...everything, major: 8, minor: 0 });
  assert.deepEqual([next.major, next.minor], [7, 45]);
});

Deno.test("negotiate() refuses a kernel before 7.31", () => {
  const refused = /^Error: Cannot serve FUSE: this kernel speaks 7\.30; 7\.31 \(Linux 5\.4\) or newer is needed$/;
  assert.throws(() => negotiate({ ...everything, minor: 30 }), refused);
  assert.throws(() => negotiate({ ...everything, major: 6 }), /6\.45/);
});

Deno.test("mountOptions() is what mount(2) takes", () => {
  assert.equal(
    mountOptions({ fd: 5, defaultPermissions: true }),
    "fd=5,rootmode=40000,user_id=0,group_id=0,allow_other,max_read=1048576,default_permissions",
  );
  assert.equal(
    mountOptions({ fd: 5, userId: 1000, groupId: 100, defaultPermissions: false }),
    "fd=5,rootmode=40000,user_id=1000,group_id=100,allow_other,max_read=1048576",
  );
});
