import { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import type { FileFacts } from "../os.ts";
import { type Cases, kernel } from "../scene.ts";
import { get, put } from "./names.ts";

/**
 * A script of perl with `watch PATH` for `linux/inotify.h`'s events of changes, and `report SECONDS`, which prints what
 * has come until nothing does for that long.
 */
const watching = (script: string) =>
  String.raw`perl -e '
    my $in = syscall 294, 0; my %names;
    sub watch { my $path = "$_[0]"; $names{syscall 254, $in, $path, 0x7ce} = $path }
    sub report {
      open my $file, "<&=", $in; my $set = ""; vec($set, $in, 1) = 1;
      while (select(my $ready = $set, undef, undef, $_[0]) > 0) {
        sysread $file, my $events, 65536;
        while ($events ne "") {
          my ($watch, $mask, undef, $length) = unpack "iIII", $events;
          printf "%s %x %s
", $names{$watch}, $mask, unpack "Z*", substr $events, 16, $length;
          $events = substr $events, 16 + $length;
        }
      }
    }
    ${script}'`;

const facts = (it: FileFacts | number) => it as FileFacts;

export const coherence: Cases = {
  async "a file made locally appears, though it was missed before"({ os, local, soon }) {
    await os.stat("file");
    await os.list(".");
    await put(local, "file", "content");
    await soon(async () => await get(os, "file") === "content");
    await os.list(".");
  },
  async "a folder made locally appears, with what is in it"({ os, local, soon }) {
    await os.stat("d/e/file");
    await local.mkdir("d", 0o755);
    await local.mkdir("d/e", 0o755);
    await put(local, "d/e/file", "content");
    await soon(async () => await get(os, "d/e/file") === "content");
  },
  async "a file removed locally disappears"({ os, local, soon }) {
    await put(local, "file", "content");
    await get(os, "file");
    await local.unlink("file");
    await soon(async () => typeof await os.stat("file") === "number");
    await soon(async () => (await os.list(".") as string[]).length === 0);
    await os.open("file", O_RDWR | O_CREAT, 0o644);
  },
  async "a file renamed locally moves"({ os, local, soon }) {
    await put(os, "old", "content");
    await get(os, "old");
    await os.stat("new");
    await local.rename("old", "new");
    await soon(async () => await get(os, "new") === "content" && typeof await os.stat("old") === "number");
  },
  async "content of the same size, replaced in place"({ os, local, soon }) {
    await put(local, "file", "first content");
    await get(os, "file");
    await put(local, "file", "other content");
    await soon(async () => await get(os, "file") === "other content");
  },
  async "content replaced by a rename"({ os, local, soon }) {
    await put(local, "file", "first content");
    await get(os, "file");
    await put(local, "file.new", "other content");
    await local.rename("file.new", "file");
    await soon(async () => await get(os, "file") === "other content");
    await os.stat("file.new");
  },
  async "a file that grows and shrinks"({ os, local, soon }) {
    await put(local, "file", "short");
    await get(os, "file");
    const fd = await local.open("file", O_WRONLY | O_APPEND);
    await local.write(fd, " no more");
    await soon(async () => facts(await os.stat("file")).size === 13);
    await get(os, "file");
    await local.truncate("file", 2);
    await soon(async () => facts(await os.stat("file")).size === 2);
    await get(os, "file");
  },
  async "attributes"({ os, local, soon }) {
    await put(local, "file", "content");
    await os.stat("file");
    await local.chmod("file", 0o600);
    await soon(async () => facts(await os.stat("file")).mode === 0o600);
    await local.link("file", "second");
    await soon(async () => facts(await os.stat("file")).nlink === 2);
    await local.setTimes("file", { atime: "1000", mtime: "2000" });
    await soon(async () => (await os.times("file") as { mtime: string }).mtime === "2000");
  },
  "a file that is open here shows what is appended there": kernel(
    "its own size of a file",
    async ({ os, local, soon }) => {
      await put(local, "log", "line 1\n");
      const fd = await os.open("log", O_RDONLY);
      await os.read(fd, 100);
      const writer = await local.open("log", O_WRONLY | O_APPEND);
      for (const line of ["line 2\n", "line 3\n"]) {
        await local.write(writer, line);
        await soon(async () => await os.read(fd, 100) === line);
        await os.seek(fd, 0, 1);
      }
    },
  ),
  async "a file that is changed there under another name"({ os, local, soon }) {
    await local.mkdir("d", 0o755);
    await put(local, "file", "first");
    await local.link("file", "d/second");
    await get(os, "file");
    await os.stat("file");
    await put(local, "d/second", "other");
    await soon(async () => await get(os, "file") === "other");
    await put(local, "d/second", "longer content");
    await soon(async () => await get(os, "file") === "longer content");
    await local.chmod("d/second", 0o600);
    await soon(async () => facts(await os.stat("file")).mode === 0o600);
    await local.unlink("d/second");
    await soon(async () => facts(await os.stat("file")).nlink === 1);
    await get(os, "file");
  },
  async "names of a file that come and go in a folder that is known"({ os, local, soon }) {
    await put(local, "file", "content");
    await local.link("file", "second");
    await os.list(".");
    await os.stat("file");
    await os.stat("second");
    await local.unlink("second");
    await soon(async () => facts(await os.stat("file")).nlink === 1);
    await local.link("file", "third");
    await soon(async () => facts(await os.stat("file")).nlink === 2);
    await os.stat("third");
  },
  async "a file that is open here is removed and made again there"({ os, local, soon }) {
    await put(local, "file", "old");
    const fd = await os.open("file", O_RDONLY);
    await os.read(fd, 100);
    await local.unlink("file");
    await put(local, "file", "new content");
    await soon(async () => await get(os, "file") === "new content");
    await os.pread(fd, 100, 0);
  },
  async "a folder that this process is in gets and loses files"({ os, local, soon }) {
    await os.mkdir("d", 0o755);
    await os.list("d");
    await put(local, "d/one");
    await soon(async () => (await os.list("d") as string[]).length === 1);
    await put(local, "d/two");
    await local.unlink("d/one");
    await soon(async () => (await os.list("d") as string[]).join() === "two f");
  },
  async "a folder renamed locally, with files open below"({ os, local, soon }) {
    await os.mkdir("a", 0o755);
    const fd = await os.open("a/file", O_RDWR | O_CREAT, 0o644);
    await os.write(fd, "before");
    await local.rename("a", "b");
    await soon(async () => typeof await os.stat("b/file") !== "number" && typeof await os.stat("a") === "number");
    await os.write(fd, " and after");
    await os.fsync(fd);
    await get(local, "b/file");
  },
  async "a folder replaced by a file, and a file by a link"({ os, local, soon }) {
    await os.mkdir("a", 0o755);
    await put(os, "b", "b");
    await os.list("a");
    await local.rmdir("a");
    await put(local, "a", "a file now");
    await local.unlink("b");
    await local.symlink("a", "b");
    await soon(async () => await get(os, "a") === "a file now" && await get(os, "b") === "a file now");
    await os.readlink("b");
  },
  async "a link that leads elsewhere"({ os, local, soon }) {
    await put(local, "one", "1");
    await put(local, "two", "2");
    await local.symlink("one", "link");
    await get(os, "link");
    await local.unlink("link");
    await local.symlink("two", "link");
    await soon(async () => await get(os, "link") === "2");
  },
  async "what was written here is there, and what is changed there is here, turn by turn"({ os, local, soon }) {
    await put(os, "file", "0");
    for (let round = 1; round < 4; round++) {
      const fd = await local.open("file", O_RDWR);
      await local.pwrite(fd, `${round}L`, 0);
      await local.close(fd);
      await soon(async () => await get(os, "file") === `${round}L`);
      const own = await os.open("file", O_RDWR | O_TRUNC);
      await os.write(own, `${round}R`);
      await os.close(own);
      await get(local, "file");
    }
  },
  async "a local writer at another place of a file that is written here"({ os, local }) {
    const size = 64 * 1024;
    await put(local, "file", "x".repeat(size));
    const fd = await os.open("file", O_WRONLY);
    await os.pwrite(fd, "remote", 0);
    const there = await local.open("file", O_WRONLY);
    await local.pwrite(there, "local", size - 10);
    await os.close(fd);
    const reader = await local.open("file", O_RDONLY);
    await local.digest(reader, 4_096);
    await local.stat("file");
  },
  ...Object.fromEntries(["/etc", "/opt", "/usr/local/share"].map((top) => [
    `a local change below ${top}`,
    kernel("the whole tree", async ({ os, local, soon }) => {
      const path = `${top}/outrun-conformance-${Deno.pid}`;
      const sees = (content: string) => soon(async () => await get(os, path) === content);
      await os.stat(path);
      await put(local, path, "first");
      if (typeof await local.stat(path) === "number") return;
      await sees("first");
      await put(local, path, "other");
      await sees("other");
      await local.unlink(path);
      await soon(async () => typeof await os.stat(path) === "number");
    }),
  ])),
  "inotify tells of what is changed over there": kernel("programs", async ({ os }) => {
    await os.mkdir("d", 0o755);
    await put(os, "file");
    await os.run(watching(`
      watch "d"; watch "file"; open F, ">", "d/new"; print F "x"; close F; rename "d/new", "d/old"; unlink "d/old";
      chmod 0600, "file"; open F, ">>", "file"; print F "x"; close F; report 0.1`));
  }),
  "a file that is followed shows what is added locally": kernel("programs", async ({ os, local }) => {
    await put(local, "log", "start\n");
    const following = os.run("timeout 60 tail -n +1 -s 0.1 -f log | sed /end/q");
    const fd = await local.open("log", O_WRONLY | O_APPEND);
    for (const line of ["one\n", "end\n"]) await local.write(fd, line);
    await following;
  }),
  "inotify tells of local changes": {
    ...kernel("programs", async ({ os, local, soon }) => {
      await local.mkdir("d", 0o755);
      await put(local, "d/file");
      const waiting = os.run(watching(`watch "d"; watch "d/file"; open F, ">", "watching"; close F; report 1`));
      await soon(async () => typeof await local.stat("watching") !== "number");
      await put(local, "d/new");
      await put(local, "d/file", "content");
      await waiting;
    }),
    expected: "never: a kernel tells of what is done through it; what comes by invalidation is seen, and not told",
  },
};
