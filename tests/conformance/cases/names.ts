import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { type Cases, kernel } from "../scene.ts";

const NEW = O_RDWR | O_CREAT | O_EXCL;

/** Makes a file of that content. */
export async function put(os: Calls, path: string, content = ""): Promise<void> {
  const fd = await os.open(path, O_WRONLY | O_CREAT, 0o644);
  await os.write(fd, content);
  await os.close(fd);
}

/** What is in a file. */
export async function get(os: Calls, path: string): Promise<string | number> {
  const fd = await os.open(path, O_RDONLY);
  if (fd < 0) return fd;
  const content = await os.read(fd, 1 << 16);
  await os.close(fd);
  return content;
}

/** A file of each type that takes no root to make, named by it. */
export async function zoo(os: Calls): Promise<string[]> {
  await put(os, "file", "content");
  await os.mkdir("directory", 0o755);
  await os.symlink("file", "link");
  await os.symlink("nowhere", "dangling");
  await os.mknod("fifo", 0o010644);
  await os.mknod("socket", 0o140755);
  return ["file", "directory", "link", "dangling", "fifo", "socket"];
}

async function roundTrip(os: Calls, name: string): Promise<void> {
  const fd = await os.open(name, NEW, 0o644);
  await os.write(fd, name);
  await os.close(fd);
  await get(os, name);
  await os.lstat(name);
  await os.list(".");
  await os.rename(name, `${name.slice(0, -1)}z`);
}

const lengths = [1, 2, 127, 254, 255];
const oddNames: Record<string, string> = {
  "of bytes that are not UTF-8": "\xff\xfe\x80a",
  "that ends in half a UTF-8 character": "a\xc3",
  "with a newline": "a\nb",
  "with blanks at both ends": " a ",
  "with a backslash and quotes": `\\'"\``,
  "that begins with a dash": "-rf",
  "of three dots": "...",
  "that begins with a dot": ".hidden",
  "of control characters": "\x01\x1b\x7f",
  "with glob characters": "*?[a]",
  "with a percent sign and a colon": "%s:c",
};

export const names: Cases = {
  ...Object.fromEntries(
    Object.entries(oddNames).map(([what, name]) => [`a name ${what}`, ({ os }) => roundTrip(os, name)]),
  ),
  async "names of 1 to 255 bytes"({ os }) {
    for (const length of lengths) await roundTrip(os, "n".repeat(length));
    await os.list(".");
  },
  async "all bytes that a name may have"({ os }) {
    for (let byte = 1; byte < 256; byte++) {
      if (byte !== 0x2f && byte !== 0x2e) await os.mkdir(String.fromCharCode(byte), 0o700);
    }
    await os.list(".");
  },
  async "a name of 256 bytes is too long for every call"({ os }) {
    const long = "n".repeat(256);
    await put(os, "file");
    await os.open(long, NEW, 0o644);
    await os.open(long, O_RDONLY);
    await os.lstat(long);
    await os.mkdir(long, 0o755);
    await os.mknod(long, 0o010644);
    await os.symlink("x", long);
    await os.link("file", long);
    await os.rename("file", long);
    await os.rename(long, "file");
    await os.unlink(long);
    await os.rmdir(long);
    await os.chmod(long, 0o600);
    await os.truncate(long, 1);
    await os.lstat(`${long}/below`);
  },
  async "a path of 4096 bytes is too long"({ os }) {
    const dots = "./".repeat(2046);
    await put(os, "file");
    await os.stat(`${dots}fil`);
    await os.stat(`${dots}file`);
    await os.stat(`${dots}/file`);
    await os.open(`${dots}a/file`, O_RDONLY);
  },
  async "fifty folders deep"({ os }) {
    let path = ".";
    for (let depth = 0; depth < 50; depth++) await os.mkdir(path += `/d${depth}`, 0o755);
    await put(os, `${path}/file`, "deep");
    await get(os, `${path}/file`);
    await os.stat(`${path}/${"../".repeat(50)}d0`);
  },
  async "names that differ in case only"({ os }) {
    for (const name of ["name", "Name", "NAME"]) await put(os, name, name);
    for (const name of ["name", "Name", "NAME", "nAME"]) await get(os, name);
    await os.list(".");
  },
  async "the same letter composed and decomposed"({ os }) {
    await put(os, "\xc3\xa9", "composed");
    await put(os, "e\xcc\x81", "decomposed");
    await get(os, "\xc3\xa9");
    await os.list(".");
  },
  async "the empty path is nothing"({ os }) {
    await os.open("", O_RDONLY);
    await os.open("", NEW, 0o644);
    await os.stat("");
    await os.mkdir("", 0o755);
    await os.unlink("");
    await os.rename("", "x");
    await os.symlink("", "link");
  },
  async "nothing is below a file"({ os }) {
    await put(os, "file");
    await os.stat("file/x");
    await os.open("file/x", NEW, 0o644);
    await os.mkdir("file/x", 0o755);
    await os.unlink("file/x");
    await os.rename("file/x", "y");
    await os.stat("file/.");
    await os.stat("file/..");
  },
  async "what is not there is not there for any call"({ os }) {
    await os.open("none", O_RDWR);
    await os.stat("none");
    await os.lstat("none");
    await os.unlink("none");
    await os.rmdir("none");
    await os.rename("none", "other");
    await os.link("none", "other");
    await os.readlink("none");
    await os.chmod("none", 0o600);
    await os.chown("none", -1, -1);
    await os.truncate("none", 0);
    await os.setTimes("none", { atime: "now", mtime: "now" });
    await os.access("none", 0);
    await os.list("none");
    await os.mkdir("none/below", 0o755);
    await os.open("none/below", NEW, 0o644);
  },
  async "a trailing slash wants a directory"({ os }) {
    await zoo(os);
    await os.stat("file/");
    await os.open("file/", O_RDONLY);
    await os.unlink("file/");
    await os.stat("directory/");
    await os.lstat("link/");
    await os.symlink("directory", "to-directory");
    await os.lstat("to-directory/");
    await os.lstat("to-directory");
    await os.mkdir("made/", 0o755);
    await os.rmdir("made/");
    await os.rename("directory/", "renamed");
  },
  "a trailing slash on what is to be made": kernel("open(2)'s and rename(2)'s own checks", async ({ os }) => {
    await put(os, "file");
    await os.open("new/", NEW, 0o644);
    await os.open("new/", O_CREAT | O_WRONLY, 0o644);
    await os.rename("file", "other/");
    await os.symlink("file", "new/");
    await os.link("file", "new/");
  }),
  async "dots lead where they should"({ os }) {
    await os.mkdir("a", 0o755);
    await os.mkdir("a/b", 0o755);
    await put(os, "a/file", "here");
    await get(os, "a/b/../file");
    await get(os, "./a/./b/.././file");
    await os.stat("a/b/../../a");
    await os.stat("a/..");
    await os.mkdir("a/.", 0o755);
    await os.mkdir("a/..", 0o755);
    await os.rmdir("a/b/.");
    await os.rmdir("a/b/..");
  },
};

export const links: Cases = {
  async "a link's target is any bytes"({ os }) {
    for (const [index, target] of ["\xff\x01\n", "/", "a//b/../c", " ", "x".repeat(255)].entries()) {
      await os.symlink(target, `l${index}`);
      await os.readlink(`l${index}`);
      await os.lstat(`l${index}`);
    }
  },
  async "a link's target is 4095 bytes at the most"({ os }) {
    await os.symlink("t".repeat(4095), "longest");
    await os.readlink("longest");
    await os.lstat("longest");
    await os.symlink("t".repeat(4096), "too-long");
  },
  async "a link is followed, or not"({ os }) {
    await zoo(os);
    await os.stat("link");
    await os.lstat("link");
    await os.open("link", O_RDONLY | O_NOFOLLOW);
    await get(os, "link");
    await os.chmod("link", 0o600);
    await os.lstat("link");
    await os.stat("file");
  },
  async "a dangling link is nothing, and makes its target"({ os }) {
    await os.symlink("target", "link");
    await os.stat("link");
    await os.open("link", O_RDONLY);
    await os.open("link", NEW, 0o644);
    await os.mkdir("link", 0o755);
    await put(os, "link", "through the link");
    await get(os, "target");
    await os.lstat("link");
  },
  async "links in a circle, and forty in a row"({ os }) {
    await os.symlink("b", "a");
    await os.symlink("a", "b");
    await os.stat("a");
    await os.open("a", O_RDONLY);
    await os.lstat("a/x");
    await put(os, "l0", "end");
    for (let i = 1; i <= 41; i++) await os.symlink(`l${i - 1}`, `l${i}`);
    await get(os, "l40");
    await get(os, "l41");
  },
  async "a link to a folder is a way through"({ os }) {
    await os.mkdir("folder", 0o755);
    await os.symlink("folder", "way");
    await put(os, "way/file", "inside");
    await get(os, "folder/file");
    await os.list("way");
    await os.symlink("../folder/file", "folder/back");
    await get(os, "way/back");
    await os.rmdir("way");
    await os.unlink("way");
    await os.list("folder");
  },
  async "an absolute link"({ os, folder }) {
    await put(os, "file", "absolute");
    await os.open(`${folder}/file`, O_RDONLY);
    // The target differs from run to run by its digits alone.
    await os.mkdir("a", 0o755);
    await os.symlink("../file", "a/up");
    await get(os, "a/up");
  },
  async "readlink() of what is no link"({ os }) {
    for (const name of await zoo(os)) await os.readlink(name);
    await os.readlink(".");
  },
  async "a hard link is the same file"({ os }) {
    await put(os, "one", "first");
    await os.stat("one");
    await os.link("one", "two");
    await os.stat("one");
    await os.stat("two");
    await put(os, "two", "SECOND");
    await get(os, "one");
    await os.chmod("one", 0o600);
    await os.stat("two");
    await os.truncate("two", 3);
    await get(os, "one");
    await os.unlink("one");
    await os.stat("two");
    await get(os, "two");
  },
  async "a hard link in another folder, open under both names"({ os }) {
    await os.mkdir("d", 0o755);
    await put(os, "one", "0123456789");
    await os.link("one", "d/two");
    const a = await os.open("one", O_RDWR);
    const b = await os.open("d/two", O_RDWR);
    await os.pwrite(a, "AB", 0);
    await os.pread(b, 10, 0);
    await os.pwrite(b, "YZ", 8);
    await os.pread(a, 10, 0);
    await os.ftruncate(a, 5);
    await os.fstat(b);
    await os.unlink("one");
    await os.fstat(a);
    await os.pread(a, 10, 0);
  },
  async "what cannot be linked"({ os }) {
    await zoo(os);
    await put(os, "there");
    await os.link("directory", "x");
    await os.link("file", "there");
    await os.link("file", "directory");
    await os.link("file", "none/x");
    await os.link("file", "file/x");
    await os.link("file", "file");
    await os.link("file", "dangling");
  },
  async "a symbolic link has hard links of its own"({ os }) {
    await zoo(os);
    await os.link("link", "second");
    await os.lstat("second");
    await os.linkFollowing("link", "third");
    await os.lstat("third");
    await os.link("fifo", "fifo2");
    await os.lstat("fifo2");
  },
  "an open file gets another name": kernel("/proc/self/fd", async ({ os }) => {
    await put(os, "file", "content");
    const fd = await os.open("file", O_RDONLY);
    await os.linkOpen(fd, "second");
    await os.stat("second");
    await os.unlink("file");
    await os.unlink("second");
    await os.linkOpen(fd, "third");
    await os.fstat(fd);
  }),
  async "local hard links are one file there"({ os, local }) {
    await put(local, "one", "content");
    await local.link("one", "two");
    await os.stat("one");
    await os.stat("two");
    const fd = await os.open("one", O_RDWR);
    await os.pwrite(fd, "C", 0);
    await os.close(fd);
    await get(os, "two");
    await get(local, "two");
  },
};
