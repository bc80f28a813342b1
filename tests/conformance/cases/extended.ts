import { O_CREAT, O_RDONLY, O_RDWR } from "../../../lib/linux/mod.ts";
import { type Cases, kernel } from "../scene.ts";
import { get, put, zoo } from "./names.ts";

const [KEEP_SIZE, PUNCH_HOLE, COLLAPSE, ZERO, INSERT] = [1, 2, 8, 16, 32];
const [SEEK_DATA, SEEK_HOLE] = [3, 4];
const NEW = O_RDWR | O_CREAT;
const K = 1024;

export const attributesOfUsers: Cases = {
  async "an attribute is set, read, listed and removed"({ os, local }) {
    await put(os, "file");
    await os.listxattr("file");
    await os.getxattr("file", "user.a");
    await os.setxattr("file", "user.a", "value");
    await os.setxattr("file", "user.b", "");
    await os.setxattr("file", "user.a", "changed");
    await os.getxattr("file", "user.a");
    await os.getxattr("file", "user.b");
    await os.listxattr("file");
    await local.getxattr("file", "user.a");
    await local.listxattr("file");
    await os.removexattr("file", "user.a");
    await os.removexattr("file", "user.a");
    await os.listxattr("file");
  },
  async "XATTR_CREATE and XATTR_REPLACE"({ os }) {
    await put(os, "file");
    await os.setxattr("file", "user.a", "1", 2);
    await os.setxattr("file", "user.a", "2", 1);
    await os.setxattr("file", "user.a", "3", 1);
    await os.setxattr("file", "user.a", "4", 2);
    await os.getxattr("file", "user.a");
  },
  async "values of any bytes, and large ones"({ os, local }) {
    await put(os, "file");
    await os.setxattr("file", "user.bytes", "\0\xff\n\0");
    await os.getxattr("file", "user.bytes");
    await os.setxattr("file", "user.large", "v".repeat(3_000));
    await os.getxattr("file", "user.large");
    await os.setxattr("file", "user.huge", "v".repeat(65_537));
    await local.listxattr("file");
    await os.setxattr("file", `user.${"n".repeat(250)}`, "long name");
    await os.setxattr("file", `user.${"n".repeat(251)}`, "longer name");
    await os.listxattr("file");
  },
  async "names that are none"({ os }) {
    await put(os, "file");
    for (const name of ["", "plain", "user.", "nothing.a", "security.outrun", "system.none"]) {
      await os.setxattr("file", name, "value");
      await os.getxattr("file", name);
    }
    await os.getxattr("none", "user.a");
    await os.setxattr("none", "user.a", "value");
  },
  "root's own attributes": {
    kernel: "a check of capabilities",
    expected: "never: trusted.* takes root outside of all user namespaces, and the command is in one",
    async play({ os }) {
      await put(os, "file");
      await os.setxattr("file", "trusted.a", "value");
      await os.getxattr("file", "trusted.a");
    },
  },
  "attributes of folders, links and fifos": kernel("the kernel's own checks of types", async ({ os }) => {
    for (const name of await zoo(os)) {
      await os.setxattr(name, "user.a", name);
      await os.getxattr(name, "user.a");
      await os.lsetxattr(name, "user.b", name);
      await os.lgetxattr(name, "user.b");
    }
    await os.listxattr("file");
  }),
  async "attributes of what is open, of all its names"({ os, local }) {
    await put(os, "file");
    await os.link("file", "second");
    const fd = await os.open("file", O_RDONLY);
    await os.fsetxattr(fd, "user.a", "value");
    await os.getxattr("second", "user.a");
    await os.unlink("file");
    await os.fgetxattr(fd, "user.a");
    await local.getxattr("second", "user.a");
  },
  async "local attributes are seen"({ os, local, soon }) {
    await put(local, "file");
    await os.getxattr("file", "user.a");
    await local.setxattr("file", "user.a", "local");
    await soon(async () => await os.getxattr("file", "user.a") === "local");
    await local.removexattr("file", "user.a");
    await soon(async () => typeof await os.getxattr("file", "user.a") === "number");
  },
  "access control lists": kernel("programs", async ({ os, local }) => {
    // u::rw-,u:20001:rw-,g::r--,m::rw-,o::---: struct posix_acl_xattr_header and its entries, `linux/posix_acl_xattr.h`.
    const id = String.fromCharCode(0x21, 0x4e, 0, 0);
    const none = "\xff\xff\xff\xff";
    const entry = (tag: number, bits: number, who = none) => `${String.fromCharCode(tag, 0, bits, 0)}${who}`;
    const list = `\x02\0\0\0${entry(1, 6)}${entry(2, 6, id)}${entry(4, 4)}${entry(16, 6)}${entry(32, 0)}`;
    await put(os, "file", "content");
    await os.setxattr("file", "system.posix_acl_access", list);
    await os.stat("file");
    await os.getxattr("file", "system.posix_acl_access");
    await local.getxattr("file", "system.posix_acl_access");
    await os.become(20_001, 20_001);
    await get(os, "file");
    await os.become(20_002, 20_002);
    await get(os, "file");
    await os.become(0, 0);
    await os.mkdir("d", 0o755);
    await os.setxattr("d", "system.posix_acl_default", list);
    await os.umask(0o077);
    await put(os, "d/file", "content");
    await os.mkdir("d/sub", 0o777);
    await os.stat("d/file");
    await os.getxattr("d/file", "system.posix_acl_access");
    await os.getxattr("d/sub", "system.posix_acl_default");
    await os.removexattr("file", "system.posix_acl_access");
    await os.stat("file");
  }),
};

export const ranges: Cases = {
  async "fallocate() lengthens, or keeps the size"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fallocate(fd, 0, { offset: 0, length: 10_000 });
    await os.fstat(fd);
    await os.fallocate(fd, KEEP_SIZE, { offset: 0, length: 100_000 });
    await os.fstat(fd);
    await os.fallocate(fd, 0, { offset: 20_000, length: 5 });
    await os.fstat(fd);
    await os.close(fd);
    await local.stat("file");
  },
  async "a hole is punched"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: 0, size: 64 * K, seed: 12 });
    await os.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, { offset: 16 * K, length: 16 * K });
    await os.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, { offset: 40_001, length: 77 });
    await os.digest(fd, 4 * K);
    await os.fstat(fd);
    await os.pread(fd, 20, 16 * K - 10);
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, 4 * K);
  },
  async "a range is zeroed"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: 0, size: 64 * K, seed: 13 });
    await os.fallocate(fd, ZERO, { offset: 60 * K, length: 16 * K });
    await os.fstat(fd);
    await os.digest(fd, 4 * K);
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, 4 * K);
  },
  async "fallocate() that makes no sense"({ os }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fallocate(fd, 0, { offset: 0, length: 0 });
    await os.fallocate(fd, 0, { offset: -1, length: 10 });
    await os.fallocate(fd, PUNCH_HOLE, { offset: 0, length: 10 });
    const reader = await os.open("file", O_RDONLY);
    await os.fallocate(reader, 0, { offset: 0, length: 10 });
  },
  "collapse and insert": {
    kernel: "the kernel's own checks",
    expected: "never: FUSE passes neither on (fuse_file_fallocate in the kernel), and says EOPNOTSUPP",
    async play({ os }) {
      const fd = await os.open("file", NEW, 0o644);
      await os.fill(fd, { offset: 0, size: 64 * K, seed: 14 });
      await os.fsync(fd);
      await os.fallocate(fd, COLLAPSE, { offset: 4 * K, length: 4 * K });
      await os.fallocate(fd, INSERT, { offset: 8 * K, length: 4 * K });
      await os.fstat(fd);
    },
  },
  async "SEEK_DATA and SEEK_HOLE"({ os }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.pwrite(fd, "data", 1_000_000);
    await os.ftruncate(fd, 2_000_000);
    await os.fsync(fd);
    for (const at of [0, 1_000_000, 1_000_003, 1_500_000, 2_000_000, 3_000_000]) {
      await os.seek(fd, at, SEEK_DATA);
      await os.seek(fd, at, SEEK_HOLE);
    }
  },
  async "SEEK_DATA and SEEK_HOLE of a local file"({ os, local }) {
    const there = await local.open("file", NEW, 0o644);
    await local.pwrite(there, "data", 300_000);
    await local.ftruncate(there, 900_000);
    await local.fsync(there);
    const fd = await os.open("file", O_RDONLY);
    for (const at of [0, 299_000, 400_000]) {
      await os.seek(fd, at, SEEK_DATA);
      await os.seek(fd, at, SEEK_HOLE);
    }
  },
  async "copy_file_range()"({ os, local }) {
    const from = await os.open("from", NEW, 0o644);
    await os.fill(from, { offset: 0, size: 300_000, seed: 15 });
    const to = await os.open("to", NEW, 0o644);
    await os.copyRange(from, to, { fromOffset: 0, toOffset: 0, length: 300_000 });
    await os.digest(to, 65_536);
    await os.copyRange(from, to, { fromOffset: 10, toOffset: 400_000, length: 1_000 });
    await os.fstat(to);
    await os.copyRange(from, to, { fromOffset: 299_990, toOffset: 0, length: 1_000 });
    await os.copyRange(from, to, { fromOffset: 300_000, toOffset: 0, length: 1_000 });
    await os.pread(to, 20, 0);
    await os.close(to);
    await local.stat("to");
  },
  async "ranges beyond 4 GiB"({ os, local }) {
    const far = 5 * 2 ** 30;
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: far, size: 64 * K, seed: 16 });
    await os.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, { offset: far + 8 * K, length: 16 * K });
    await os.fallocate(fd, 0, { offset: far + 100 * K, length: 4 * K });
    await os.copyRange(fd, fd, { fromOffset: far, toOffset: 2 * far, length: 8 * K });
    await os.fsync(fd);
    await os.fstat(fd);
    for (const at of [0, far, far + 8 * K, far + 64 * K, 2 * far]) {
      await os.seek(fd, at, SEEK_DATA);
      await os.seek(fd, at, SEEK_HOLE);
    }
    for (const at of [far + 7 * K, far + 20 * K, far + 63 * K, 2 * far + 7 * K]) await os.pread(fd, 2 * K, at);
    const there = await local.open("file", O_RDWR);
    for (const at of [far + 7 * K, 2 * far + 7 * K]) await local.pread(there, 2 * K, at);
    await os.close(fd);
    await os.unlink("file");
  },
  "copies that the kernel refuses": kernel("copy_file_range(2)'s own checks", async ({ os }) => {
    await put(os, "file", "0123456789");
    const fd = await os.open("file", O_RDWR);
    await os.copyRange(fd, fd, { fromOffset: 0, toOffset: 5, length: 10 });
    await os.copyRange(fd, fd, { fromOffset: 0, toOffset: 20, length: 5 });
    await os.pread(fd, 30, 0);
    const reader = await os.open("file", O_RDONLY);
    await os.copyRange(fd, reader, { fromOffset: 0, toOffset: 0, length: 5 });
    const folder = await os.open(".", O_RDONLY);
    await os.copyRange(folder, fd, { fromOffset: 0, toOffset: 0, length: 5 });
  }),
  "cp --sparse and cp --reflink": kernel("programs", async ({ os, local }) => {
    await os.run(
      "truncate -s 5M a; printf x | dd of=a bs=1 seek=2000000 conv=notrunc 2>/dev/null; cp --sparse=always a b; cp --reflink=auto a c; cmp a b && cmp a c && echo same",
    );
    await local.run("du -k a b | awk '{print ($1 < 100)}'");
  }),
};
