import { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import { type Cases, kernel } from "../scene.ts";
import { get, put } from "./names.ts";

const [SEEK_SET, SEEK_CUR, SEEK_END] = [0, 1, 2];
const NEW = O_RDWR | O_CREAT | O_TRUNC;
const MiB = 1 << 20;
const GiB = 2 ** 30;

export const content: Cases = {
  async "reading ends at the end"({ os }) {
    await put(os, "file", "0123456789");
    const fd = await os.open("file", O_RDONLY);
    for (const size of [4, 4, 4, 4, 0]) await os.read(fd, size);
    await os.pread(fd, 4, 9);
    await os.pread(fd, 4, 10);
    await os.pread(fd, 4, 1 << 30);
  },
  async "a position is moved by reading and writing, not by pread() and pwrite()"({ os }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.write(fd, "0123456789");
    await os.seek(fd, 0, SEEK_CUR);
    await os.pwrite(fd, "AB", 2);
    await os.pread(fd, 4, 0);
    await os.seek(fd, 0, SEEK_CUR);
    await os.seek(fd, -3, SEEK_END);
    await os.read(fd, 10);
    await os.seek(fd, 5, SEEK_END);
    await os.write(fd, "x");
    await os.fstat(fd);
    await os.seek(fd, -100, SEEK_CUR);
    await os.seek(fd, -1, SEEK_SET);
    await os.pread(fd, 100, 0);
  },
  async "a gap is zeros"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.pwrite(fd, "end", 10_000);
    await os.fstat(fd);
    await os.pread(fd, 8, 0);
    await os.pread(fd, 10, 9_996);
    await os.close(fd);
    await local.stat("file");
  },
  async "bytes beyond 4 GiB"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.pwrite(fd, "far away", 5 * GiB + 3);
    await os.fstat(fd);
    await os.pread(fd, 20, 5 * GiB);
    await os.seek(fd, 5 * GiB + 3, SEEK_SET);
    await os.read(fd, 3);
    await os.fsync(fd);
    const there = await local.open("file", O_RDONLY);
    await local.pread(there, 20, 5 * GiB);
    await os.ftruncate(fd, 3 * GiB);
    await os.fstat(fd);
    await os.ftruncate(fd, 0);
  },
  async "a file of 9 MiB, written and read in odd pieces"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: 0, size: 9 * MiB + 77, seed: 1 });
    await os.digest(fd, 65_536);
    await os.digest(fd, 10_007);
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, 1 << 20);
  },
  async "a local file of 9 MiB, read in pieces of all sizes"({ os, local }) {
    const there = await local.open("file", NEW, 0o644);
    await local.fill(there, { offset: 0, size: 9 * MiB + 5, seed: 2 });
    await local.close(there);
    const fd = await os.open("file", O_RDONLY);
    for (const piece of [1 << 20, 65_536, 4_096, 13_001]) await os.digest(fd, piece);
  },
  async "a local file of 3 MiB, read backwards and across"({ os, local }) {
    const there = await local.open("file", NEW, 0o644);
    await local.fill(there, { offset: 0, size: 3 * MiB, seed: 3 });
    const fd = await os.open("file", O_RDONLY);
    for (let at = 3 * MiB - 100; at > 0; at -= 170_001) await os.pread(fd, 200, at);
    for (const at of [0, 2 * MiB, 10, MiB - 5, 3 * MiB - 3]) await os.pread(fd, 50, at);
  },
  async "overwriting the middle of a local file"({ os, local }) {
    const there = await local.open("file", NEW, 0o644);
    await local.fill(there, { offset: 0, size: MiB, seed: 4 });
    const fd = await os.open("file", O_RDWR);
    await os.pwrite(fd, "in the middle", 500_000);
    await os.pwrite(fd, "across a page", 4_090);
    await os.pread(fd, 30, 4_080);
    await os.close(fd);
    await local.digest(there, 65_536);
  },
  async "write-only, into the middle of a local file"({ os, local }) {
    await put(local, "file", "0123456789".repeat(1000));
    const fd = await os.open("file", O_WRONLY);
    await os.pwrite(fd, "XY", 4_095);
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, 4_096);
    await local.pread(there, 6, 4_093);
  },
  async "truncate() shortens and lengthens"({ os, local }) {
    await put(os, "file", "0123456789");
    for (const size of [5, 0, 4_097, 100, 10 * MiB, 1]) {
      await os.truncate("file", size);
      await os.stat("file");
      await local.stat("file");
    }
    await os.truncate("file", -1);
  },
  async "what was cut off comes back as zeros"({ os, local }) {
    await put(os, "file", "0123456789".repeat(1_000));
    await os.truncate("file", 4);
    await os.truncate("file", 20);
    await get(os, "file");
    const fd = await os.open("file", O_RDWR);
    await os.pwrite(fd, "z", 5_000);
    await os.pread(fd, 30, 0);
    await os.ftruncate(fd, 4_500);
    await os.ftruncate(fd, 9_000);
    await os.pread(fd, 20, 4_990);
    await os.close(fd);
    await get(local, "file");
  },
  async "ftruncate() wants a descriptor for writing"({ os }) {
    await put(os, "file", "content");
    await os.ftruncate(await os.open("file", O_RDONLY), 1);
    const fd = await os.open("file", O_WRONLY);
    await os.ftruncate(fd, -1);
    await os.ftruncate(fd, 3);
    await os.fstat(fd);
    await os.ftruncate(99, 3);
  },
  async "truncate() of what is no file"({ os }) {
    await os.mkdir("d", 0o755);
    await os.truncate("d", 0);
    await os.truncate("none", 0);
    await os.symlink("file", "link");
    await os.truncate("link", 0);
    await put(os, "file", "content");
    await os.truncate("link", 2);
    await get(os, "file");
  },
  async "writing nothing changes nothing"({ os }) {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDWR);
    await os.write(fd, "");
    await os.pwrite(fd, "", 100);
    await os.fstat(fd);
  },
  async "two descriptors see each other's writes"({ os }) {
    const writer = await os.open("file", NEW, 0o644);
    const reader = await os.open("file", O_RDONLY);
    await os.write(writer, "first");
    await os.read(reader, 100);
    await os.write(writer, " second");
    await os.read(reader, 100);
    await os.fstat(reader);
    await os.ftruncate(writer, 2);
    await os.pread(reader, 100, 0);
  },
  async "two processes see each other's writes"({ os, other }) {
    const writer = await os.open("file", NEW, 0o644);
    const reader = await other.open("file", O_RDWR);
    await os.write(writer, "first");
    await other.read(reader, 100);
    await other.pwrite(reader, "F", 0);
    await os.pread(writer, 100, 0);
    await os.ftruncate(writer, 2);
    await other.fstat(reader);
    await other.pread(reader, 100, 0);
  },
  async "dup() shares the position"({ os }) {
    await put(os, "file", "0123456789");
    const fd = await os.open("file", O_RDWR);
    const copy = await os.dup(fd);
    await os.read(fd, 3);
    await os.read(copy, 3);
    await os.close(fd);
    await os.write(copy, "X");
    await os.pread(copy, 100, 0);
  },
  async "appending, each after the other"({ os }) {
    const a = await os.open("file", O_WRONLY | O_CREAT | O_APPEND, 0o644);
    const b = await os.open("file", O_WRONLY | O_APPEND);
    for (let i = 0; i < 5; i++) {
      await os.write(a, `a${i}`);
      await os.write(b, `b${i}`);
    }
    await get(os, "file");
  },
  async "appending, two processes after each other"({ os, other }) {
    const a = await os.open("file", O_WRONLY | O_CREAT | O_APPEND, 0o644);
    const b = await other.open("file", O_WRONLY | O_APPEND);
    for (let i = 0; i < 5; i++) {
      await os.write(a, `a${i}`);
      await other.write(b, `b${i}`);
    }
    await get(os, "file");
  },
  async "appending, here and there after each other"({ os, local }) {
    const a = await os.open("file", O_WRONLY | O_CREAT | O_APPEND, 0o644);
    const b = await local.open("file", O_WRONLY | O_APPEND);
    for (let i = 0; i < 5; i++) {
      await os.write(a, `a${i}`);
      await local.write(b, `b${i}`);
    }
    await os.close(a);
    await get(local, "file");
  },
  "appending, here and there at once": kernel("programs", async ({ os, other, local, note, quietly }) => {
    const append = (who: string) =>
      `i=0; while [ $i -lt 100 ]; do echo ${who} $i ${"-".repeat(200)} >>log; i=$((i+1)); done`;
    const writers = { os, other, local };
    await quietly(() => Promise.all(Object.entries(writers).map(([who, actor]) => actor.run(append(who)))));
    note(await quietly(() => local.run("sort log | uniq | wc -l; awk 'length($3) != 200' log | wc -l; wc -l <log")));
    await quietly(() => local.unlink("log"));
  }),
  async "appending to a file that is read and written elsewhere"({ os }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.write(fd, "start");
    const end = await os.open("file", O_WRONLY | O_APPEND);
    await os.write(end, "+end");
    await os.write(fd, "!");
    await os.pread(fd, 100, 0);
    await os.write(end, "?");
    await os.fstat(fd);
    await os.pread(fd, 100, 0);
  },
  async "a reader follows what is appended"({ os, other }) {
    await put(os, "log", "start\n");
    const reader = await other.open("log", O_RDONLY);
    await other.read(reader, 100);
    const writer = await os.open("log", O_WRONLY | O_APPEND);
    for (const line of ["one\n", "two\n", "three\n"]) {
      await os.write(writer, line);
      await other.read(reader, 100);
      await other.pread(reader, 100, 0);
    }
    await os.fill(writer, { offset: 0, size: 300_000, seed: 10 });
    await other.digest(reader, 65_536);
  },
  async "what was written is on the local disk after close()"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: 0, size: 300_000, seed: 5 });
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, 65_536);
    await local.stat("file");
  },
  async "what was written is on the local disk after fsync() and fdatasync()"({ os, local }) {
    const fd = await os.open("file", NEW, 0o644);
    const there = await local.open("file", O_RDONLY);
    await os.fill(fd, { offset: 0, size: 100_000, seed: 6 });
    await os.fsync(fd);
    await local.digest(there, 65_536);
    await os.fill(fd, { offset: 50_000, size: 100_000, seed: 7 });
    await os.fdatasync(fd);
    await local.digest(there, 65_536);
  },
  async "the size is right in the folder while the file is being written"({ os, other }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.fill(fd, { offset: 0, size: 123_456, seed: 8 });
    await os.stat("file");
    await other.stat("file");
    await os.fill(fd, { offset: 123_456, size: 1, seed: 8 });
    await os.stat("file");
  },
  "sendfile() and copies by the kernel": kernel("sendfile(2)", async ({ os, local }) => {
    const from = await os.open("from", NEW, 0o644);
    await os.fill(from, { offset: 0, size: 200_000, seed: 9 });
    const to = await os.open("to", NEW, 0o644);
    await os.sendfile(from, to, { offset: 1_000, length: 100_000 });
    await os.fstat(to);
    await os.digest(to, 65_536);
    await os.close(to);
    await local.stat("to");
  }),
  "flags of a file by ioctl()": {
    kernel: "ioctl(2)",
    expected: "never: FS_IOC_GETFLAGS and its kin are answered over there, where there are no such flags",
    async play({ os }) {
      const fd = await os.open("file", NEW, 0o644);
      await os.ioctl(fd, 0x80086601);
    },
  },
  "ioctl() on a file": kernel("ioctl(2)", async ({ os }) => {
    const fd = await os.open("file", NEW, 0o644);
    // TCGETS: what isatty(3) asks; FIONREAD.
    await os.ioctl(fd, 0x5401);
    await os.write(fd, "content");
    await os.seek(fd, 2, SEEK_SET);
    await os.ioctl(fd, 0x541b);
  }),
  async "offsets that are none"({ os }) {
    const fd = await os.open("file", NEW, 0o644);
    await os.pread(fd, 1, -1);
    await os.pwrite(fd, "x", -1);
    await os.seek(fd, -1, SEEK_SET);
    await os.ftruncate(fd, 2 ** 52);
    await os.fstat(fd);
  },
  async "many small files"({ os, local }) {
    for (let i = 0; i < 100; i++) await put(os, `f${i}`, `content ${i}`);
    await os.list(".");
    await local.list(".");
    for (let i = 0; i < 100; i += 7) await get(local, `f${i}`);
    for (let i = 0; i < 100; i += 2) await os.unlink(`f${i}`);
    await local.list(".");
  },
};
