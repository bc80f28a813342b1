import { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from "../../../lib/linux/mod.ts";
import type { Calls, FileTimes } from "../os.ts";
import { type Cases, kernel } from "../scene.ts";
import { put, zoo } from "./names.ts";

const S = 1_000_000_000n;
const at = (seconds: number, ns = 0) => String(BigInt(seconds) * S + BigInt(ns));

/** Which of a file's times an action moves. */
async function moved(os: Calls, path: string, action: () => Promise<unknown>): Promise<string[]> {
  const before = await os.times(path) as FileTimes;
  // The kernel's clock for files ticks every 1 to 10 ms.
  await new Promise((resolve) => setTimeout(resolve, 15));
  await action();
  const after = await os.times(path) as FileTimes;
  return (["mtime", "ctime"] as const).filter((which) => BigInt(after[which]) > BigInt(before[which]));
}

export const attributes: Cases = {
  async "what stat() tells of all types"({ os, local }) {
    for (const name of await zoo(os)) {
      await os.lstat(name);
      await local.lstat(name);
    }
    await os.stat(".");
  },
  async "what fstat() tells"({ os }) {
    await put(os, "file", "content");
    await os.fstat(await os.open("file", O_RDONLY));
    await os.fstat(await os.open(".", O_RDONLY));
  },
  async "chmod() of all bits"({ os, local }) {
    await put(os, "file");
    await os.mkdir("d", 0o755);
    for (const mode of [0o000, 0o444, 0o777, 0o4755, 0o2755, 0o1755, 0o7777, 0o644]) {
      await os.chmod("file", mode);
      await os.stat("file");
      await local.stat("file");
      await os.chmod("d", mode);
      await os.stat("d");
    }
  },
  async "fchmod() while writing"({ os, local }) {
    const fd = await os.open("file", O_WRONLY | O_CREAT, 0o644);
    await os.write(fd, "content");
    await os.fchmod(fd, 0o400);
    await os.write(fd, " and more");
    await os.fstat(fd);
    await os.close(fd);
    await local.stat("file");
  },
  async "chown() to anybody"({ os, local }) {
    await put(os, "file");
    for (const [uid, gid] of [[1, 2], [-1, 3], [4, -1], [65_534, 65_534], [100_000, 200_000], [0, 0], [-1, -1]]) {
      await os.chown("file", uid, gid);
      await os.stat("file");
      await local.stat("file");
    }
  },
  async "lchown() of a link, fchown() of what is open"({ os }) {
    await zoo(os);
    await os.lchown("link", 5, 6);
    await os.lstat("link");
    await os.stat("file");
    await os.chown("link", 7, 8);
    await os.lstat("link");
    await os.stat("file");
    const fd = await os.open("file", O_RDONLY);
    await os.fchown(fd, 9, 10);
    await os.fstat(fd);
  },
  async "chown() takes setuid and setgid off"({ os }) {
    for (const mode of [0o4755, 0o2755, 0o6777, 0o2644]) {
      const file = `file-${mode.toString(8)}`;
      await put(os, file);
      await os.chmod(file, mode);
      await os.chown(file, 1, 1);
      await os.stat(file);
    }
    await os.mkdir("d", 0o755);
    await os.chmod("d", 0o6755);
    await os.chown("d", 1, 1);
    await os.stat("d");
  },
  async "times to the nanosecond, before 1970 and far away"({ os, local, note, quietly }) {
    await put(os, "file");
    const values = [
      at(1),
      at(1_500_000_000, 123_456_789),
      at(-1),
      at(-1, 999_999_999),
      at(-2_000_000_000, 1),
      at(10_000_000_000, 5),
    ];
    for (const value of values) {
      await os.setTimes("file", { atime: value, mtime: value });
      const { atime, mtime } = await quietly(() => os.times("file")) as FileTimes;
      const there = await quietly(() => local.times("file")) as FileTimes;
      note({ atime, mtime, local: [there.atime, there.mtime] });
    }
  },
  async "one time is set, the other left alone or set to now"({ os, note, quietly }) {
    await put(os, "file");
    const times = async () => await quietly(() => os.times("file")) as FileTimes;
    await os.setTimes("file", { atime: at(100), mtime: at(200) });
    await os.setTimes("file", { atime: "omit", mtime: at(300) });
    note([(await times()).atime, (await times()).mtime]);
    await os.setTimes("file", { atime: at(400), mtime: "omit" });
    note([(await times()).atime, (await times()).mtime]);
    await os.setTimes("file", { atime: "omit", mtime: "omit" });
    note([(await times()).atime, (await times()).mtime]);
    await os.setTimes("file", { atime: "omit", mtime: "now" });
    const { atime, mtime } = await times();
    note([atime, Math.abs(Number(BigInt(mtime) / 1_000_000n) - Date.now()) < 5_000]);
    await os.setTimes("file", { atime: at(500), mtime: at(600) });
  },
  async "times of a link itself, of a folder, of what is open"({ os, note, quietly }) {
    await zoo(os);
    const times = async (path: string) => {
      const { atime, mtime } = await quietly(() => os.times(path)) as FileTimes;
      note([path, atime, mtime]);
    };
    await os.setTimes("file", { atime: at(1), mtime: at(2) });
    await os.setTimes("link", { atime: at(3), mtime: at(4), follow: false });
    await times("link");
    await times("file");
    // A link's own atime moves when it is followed, on a local disk.
    await os.setTimes("link", { atime: at(5), mtime: at(6) });
    await times("file");
    await os.setTimes("directory", { atime: at(7), mtime: at(8) });
    await times("directory");
    const fd = await os.open("file", O_RDWR);
    await os.setTimesOpen(fd, { atime: at(9), mtime: at(10) });
    await times("file");
  },
  async "times that were set stay, though the file was just written"({ os, local, note, quietly }) {
    const fd = await os.open("file", O_WRONLY | O_CREAT, 0o644);
    await os.write(fd, "content");
    await os.setTimesOpen(fd, { atime: at(1_000), mtime: at(2_000) });
    await os.close(fd);
    note((await quietly(() => os.times("file")) as FileTimes).mtime);
    note((await quietly(() => local.times("file")) as FileTimes).mtime);
  },
  async "what moves a file's times"({ os, note, quietly }) {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDWR);
    const actions: Record<string, () => Promise<unknown>> = {
      write: () => os.pwrite(fd, "C", 0),
      truncate: () => os.ftruncate(fd, 3),
      chmod: () => os.chmod("file", 0o600),
      chown: () => os.chown("file", -1, 12345),
      link: () => os.link("file", "second"),
      unlink: () => os.unlink("second"),
      read: () => os.pread(fd, 3, 0),
      nothing: () => os.stat("file"),
    };
    for (const [name, action] of Object.entries(actions)) note([name, await quietly(() => moved(os, "file", action))]);
  },
  async "what moves a folder's times"({ os, note, quietly }) {
    await os.mkdir("d", 0o755);
    const actions: Record<string, () => Promise<unknown>> = {
      create: () => put(os, "d/file"),
      write: () => put(os, "d/file", "content"),
      rename: () => os.rename("d/file", "d/other"),
      unlink: () => os.unlink("d/other"),
      mkdir: () => os.mkdir("d/e", 0o755),
      below: () => put(os, "d/e/file"),
      list: () => os.list("d"),
      symlink: () => os.symlink("x", "d/link"),
    };
    for (const [name, action] of Object.entries(actions)) note([name, await quietly(() => moved(os, "d", action))]);
  },
  async "the time of birth"({ os, local, note, quietly }) {
    await put(os, "file", "content");
    const own = await quietly(() => os.times("file")) as FileTimes;
    const there = await quietly(() => local.times("file")) as FileTimes;
    note(own.btime === there.btime);
    await os.chmod("file", 0o600);
    note((await quietly(() => os.times("file")) as FileTimes).btime === there.btime);
  },
  async "times of what was just written are about those of the local disk"({ os, local, note, quietly }) {
    await put(os, "file", "content");
    await os.chmod("file", 0o600);
    const own = await quietly(() => os.times("file")) as FileTimes;
    const there = await quietly(() => local.times("file")) as FileTimes;
    // The kernel that collects the writes keeps its own times of them: within a moment.
    const close = (a: string, b: string) => Math.abs(Number(BigInt(a) - BigInt(b))) < 1e9;
    note([close(own.mtime, there.mtime), close(own.ctime, there.ctime)]);
  },
  async "times of what was made locally are those of the local disk"({ os, local, note, quietly }) {
    await put(local, "file", "content");
    await local.mkdir("d", 0o755);
    for (const name of ["file", "d"]) {
      const own = await quietly(() => os.times(name)) as FileTimes;
      const there = await quietly(() => local.times(name)) as FileTimes;
      note([own.mtime === there.mtime, own.ctime === there.ctime, own.btime === there.btime]);
    }
  },
  "access() as root and as anybody": kernel("checking permissions", async ({ os }) => {
    await put(os, "file");
    for (const mode of [0o000, 0o444, 0o222, 0o111, 0o777]) {
      await os.chmod("file", mode);
      for (const mask of [0, 1, 2, 4, 7]) await os.access("file", mask);
    }
    await os.access("none", 0);
  }),
  async "statfs()"({ os }) {
    await os.statfs(".");
    await put(os, "file");
    await os.statfs("file");
    await os.statfs("none");
  },
  "fifos, sockets and devices": kernel("mknod(2)'s own checks", async ({ os, local }) => {
    await os.mknod("fifo", 0o010640);
    await os.mknod("socket", 0o140640);
    await os.mknod("regular", 0o100640);
    await os.mknod("plain", 0o640);
    await os.mknod("directory", 0o040755);
    await os.mknod("nothing", 0o030000);
    await os.mknod("whiteout", 0o020600, [0, 0]);
    for (const name of ["fifo", "socket", "regular", "plain", "whiteout"]) {
      await os.lstat(name);
      await local.lstat(name);
    }
  }),
  "device nodes": {
    kernel: "mknod(2)'s own checks",
    expected: "later: device nodes, which a kernel makes for no user namespace",
    async play({ os, local }) {
      await os.mknod("null", 0o020666, [1, 3]);
      await os.mknod("disk", 0o060660, [8, 200]);
      await os.lstat("null");
      await os.lstat("disk");
      await local.lstat("disk");
      await os.rename("null", "renamed");
      await os.chmod("renamed", 0o600);
      await os.lstat("renamed");
      await os.unlink("disk");
      await local.list(".");
    },
  },
};
