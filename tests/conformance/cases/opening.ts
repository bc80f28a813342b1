import {
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from "../../../lib/linux/mod.ts";
import { type Cases, kernel } from "../scene.ts";
import { get, put, zoo } from "./names.ts";

const O_SYNC = 0o4010000;
const O_DSYNC = 0o10000;

export const opening: Cases = {
  async "O_CREAT and O_EXCL"({ os }) {
    await zoo(os);
    for (const name of ["new", "file", "directory", "link", "dangling", "fifo"]) {
      await os.open(name, O_RDWR | O_CREAT | O_EXCL, 0o600);
    }
    await os.list(".");
  },
  async "O_EXCL: of three at once one makes the file"({ os, other, local, note, quietly }) {
    for (let round = 0; round < 10; round++) {
      const made = await quietly(() =>
        Promise.all([os, other, local].map((actor) => actor.open(`new-${round}`, O_RDWR | O_CREAT | O_EXCL, 0o600)))
      );
      note(made.filter((fd) => fd >= 0).length);
      note(made.filter((fd) => fd < 0));
    }
  },
  async "O_CREAT opens what is there"({ os }) {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDWR | O_CREAT, 0o600);
    await os.read(fd, 100);
    await os.fstat(fd);
  },
  async "O_CREAT on a folder"({ os }) {
    await os.mkdir("d", 0o755);
    await os.open("d", O_RDONLY | O_CREAT, 0o644);
    await os.open(".", O_RDWR);
    await os.open("d", O_WRONLY);
    await os.open("d", O_RDONLY | O_TRUNC);
  },
  async "O_TRUNC empties, by itself and read-only"({ os }) {
    for (const flags of [O_RDWR, O_WRONLY, O_RDONLY]) {
      await put(os, "file", "content");
      const fd = await os.open("file", flags | O_TRUNC);
      await os.fstat(fd);
      await os.close(fd);
      await os.stat("file");
    }
  },
  async "O_TRUNC of a file that others have open"({ os }) {
    await put(os, "file", "content");
    const reader = await os.open("file", O_RDONLY);
    await os.read(reader, 3);
    const writer = await os.open("file", O_WRONLY | O_TRUNC);
    await os.read(reader, 10);
    await os.write(writer, "brand new");
    await os.read(reader, 10);
    await os.pread(reader, 20, 0);
  },
  async "O_DIRECTORY"({ os }) {
    for (const name of await zoo(os)) {
      const fd = await os.open(name, O_RDONLY | O_DIRECTORY);
      if (fd >= 0) await os.close(fd);
    }
  },
  async "O_NOFOLLOW"({ os }) {
    for (const name of ["file", "directory", "link", "dangling"].concat((await zoo(os)).slice(0, 0))) {
      const fd = await os.open(name, O_RDONLY | O_NOFOLLOW);
      if (fd >= 0) await os.close(fd);
    }
    await os.open("dangling", O_RDWR | O_NOFOLLOW | O_CREAT, 0o644);
  },
  async "O_PATH opens anything, for nothing but its attributes"({ os }) {
    for (const name of await zoo(os)) {
      const fd = await os.open(name, O_PATH | O_NOFOLLOW);
      if (fd < 0) continue;
      await os.fstat(fd);
      await os.read(fd, 1);
      await os.write(fd, "x");
      await os.close(fd);
    }
  },
  async "a file made unwritable is written by who made it"({ os }) {
    const fd = await os.open("file", O_RDWR | O_CREAT | O_EXCL, 0o000);
    await os.write(fd, "content");
    await os.pread(fd, 10, 0);
    await os.fstat(fd);
    await os.close(fd);
    await os.stat("file");
  },
  async "modes of new files"({ os }) {
    for (const mode of [0o777, 0o4755, 0o2755, 0o1777, 0o7777, 0]) {
      const name = mode.toString(8);
      await os.close(await os.open(`f${name}`, O_WRONLY | O_CREAT, mode));
      await os.stat(`f${name}`);
      await os.mkdir(`d${name}`, mode);
      await os.stat(`d${name}`);
      await os.mknod(`p${name}`, 0o010000 | mode);
      await os.stat(`p${name}`);
    }
  },
  async "the umask is taken off"({ os }) {
    for (const mask of [0o022, 0o077, 0o777, 0o002]) {
      const name = mask.toString(8);
      await os.umask(mask);
      await os.close(await os.open(`f${name}`, O_WRONLY | O_CREAT, 0o666));
      await os.stat(`f${name}`);
      await os.mkdir(`d${name}`, 0o777);
      await os.stat(`d${name}`);
      await os.mknod(`p${name}`, 0o010666);
      await os.stat(`p${name}`);
      await os.symlink("x", `l${name}`);
      await os.lstat(`l${name}`);
    }
  },
  async "access modes are kept"({ os }) {
    await put(os, "file", "content");
    const reader = await os.open("file", O_RDONLY);
    await os.write(reader, "x");
    await os.ftruncate(reader, 0);
    const writer = await os.open("file", O_WRONLY);
    await os.read(writer, 1);
    await os.write(writer, "C");
    await os.close(writer);
    await os.read(writer, 1);
    await os.close(writer);
    await get(os, "file");
  },
  "access mode 3": kernel("open(2)'s own checks", async ({ os }) => {
    await put(os, "file", "content");
    const fd = await os.open("file", O_ACCMODE);
    if (fd >= 0) {
      await os.read(fd, 1);
      await os.write(fd, "x");
    }
  }),
  async "a folder is not read as a file"({ os }) {
    const fd = await os.open(".", O_RDONLY);
    await os.read(fd, 10);
    await os.pread(fd, 10, 0);
    await os.ftruncate(fd, 0);
    await os.fsync(fd);
    await os.fdatasync(fd);
  },
  async "openat() from a folder that was renamed"({ os }) {
    await os.mkdir("d", 0o755);
    await put(os, "d/file", "content");
    const dir = await os.open("d", O_RDONLY | O_DIRECTORY);
    await os.rename("d", "e");
    const fd = await os.openAt(dir, "file", O_RDONLY);
    await os.read(fd, 10);
    await os.close(await os.openAt(dir, "new", O_WRONLY | O_CREAT, 0o644));
    await os.list("e");
    await os.openAt(fd, "x", O_RDONLY);
  },
  "a fifo and a socket": kernel("fifos and sockets", async ({ os, other }) => {
    await zoo(os);
    await os.open("fifo", O_WRONLY | O_NONBLOCK);
    await os.open("socket", O_RDWR);
    const reader = await os.open("fifo", O_RDONLY | O_NONBLOCK);
    const writer = await other.open("fifo", O_WRONLY | O_NONBLOCK);
    await other.write(writer, "through the fifo");
    await os.read(reader, 100);
    await other.close(writer);
    await os.read(reader, 100);
  }),
  async "synchronous writes"({ os, local }) {
    for (const flags of [O_SYNC, O_DSYNC]) {
      const fd = await os.open("file", O_RDWR | O_CREAT | flags, 0o644);
      await os.write(fd, `written with ${flags}`);
      await get(local, "file");
      await os.pread(fd, 100, 0);
      await os.close(fd);
    }
  },
  "O_DIRECT": kernel("buffers that are aligned", async ({ os, local }) => {
    await os.close(await os.open("file", O_RDWR | O_CREAT | O_DIRECT, 0o644));
    await os.run(
      "dd if=/dev/zero of=direct bs=4096 count=16 oflag=direct status=none && dd if=direct bs=4096 iflag=direct status=none | sha256sum",
    );
    await local.stat("direct");
  }),
  async "O_NOATIME on an own file"({ os }) {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDONLY | O_NOATIME);
    await os.read(fd, 10);
  },
  async "O_TMPFILE, given a name"({ os, local }) {
    const fd = await os.open(".", O_RDWR | O_TMPFILE, 0o640);
    await os.write(fd, "nameless");
    await os.fstat(fd);
    await os.list(".");
    await os.linkOpen(fd, "named");
    await os.fstat(fd);
    await os.close(fd);
    await get(local, "named");
    await os.stat("named");
  },
  async "O_TMPFILE, closed and gone"({ os, local }) {
    const fd = await os.open(".", O_RDWR | O_TMPFILE, 0o600);
    await os.write(fd, "nameless");
    await os.pread(fd, 20, 0);
    await os.close(fd);
    await local.list(".");
    const exclusive = await os.open(".", O_RDWR | O_TMPFILE | O_EXCL, 0o600);
    await os.linkOpen(exclusive, "never");
    await os.open(".", O_RDONLY | O_TMPFILE, 0o600);
  },
  async "an open file outlives its name"({ os, local }) {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDWR);
    await os.unlink("file");
    await os.fstat(fd);
    await os.read(fd, 100);
    await os.pwrite(fd, "more", 7);
    await os.pread(fd, 100, 0);
    await os.ftruncate(fd, 3);
    await os.fchmod(fd, 0o600);
    await os.fstat(fd);
    await local.list(".");
    await os.close(fd);
    await local.list(".");
  },
  async "an open file's name is used again"({ os }) {
    await put(os, "file", "old");
    const old = await os.open("file", O_RDWR);
    await os.unlink("file");
    await put(os, "file", "new content");
    await os.pread(old, 100, 0);
    await os.pwrite(old, "OLD", 0);
    await get(os, "file");
    await os.fstat(old);
    await os.stat("file");
  },
  async "the folder of an open file that was removed can be removed"({ os, local }) {
    await os.mkdir("d", 0o755);
    await put(os, "d/file", "content");
    const fd = await os.open("d/file", O_RDWR);
    await os.unlink("d/file");
    await local.list("d");
    await os.rmdir("d");
    await os.read(fd, 100);
    await os.close(fd);
    await local.list(".");
  },
  "an open file is opened again by /proc/self/fd": kernel("/proc/self/fd", async ({ os }) => {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDONLY);
    const again = await os.reopen(fd, O_RDWR);
    await os.write(again, "C");
    await os.pread(fd, 100, 0);
    await os.unlink("file");
    const third = await os.reopen(fd, O_RDONLY);
    await os.read(third, 100);
  }),
  async "sixty files open at once"({ os }) {
    const fds: number[] = [];
    for (let i = 0; i < 60; i++) fds.push(await os.open(`f${i}`, O_RDWR | O_CREAT, 0o644));
    for (const fd of fds) await os.write(fd, `content ${fd}`);
    for (const fd of fds) await os.pread(fd, 100, 0);
    for (const fd of fds) await os.close(fd);
  },
  async "O_APPEND opens at the start and writes at the end"({ os }) {
    await put(os, "file", "start");
    const fd = await os.open("file", O_RDWR | O_APPEND);
    await os.read(fd, 2);
    await os.write(fd, " end");
    await os.seek(fd, 0, 1);
    await os.pwrite(fd, "!", 0);
    await os.pread(fd, 100, 0);
    await os.seek(fd, 0, 0);
    await os.write(fd, "?");
    await os.pread(fd, 100, 0);
  },
};
