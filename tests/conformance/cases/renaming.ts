import { O_CREAT, O_RDONLY, O_RDWR } from "../../../lib/linux/mod.ts";
import { type Cases, kernel } from "../scene.ts";
import { get, put, zoo } from "./names.ts";

const [NOREPLACE, EXCHANGE, WHITEOUT] = [1, 2, 4];

export const renaming: Cases = {
  async "a file over another"({ os, local }) {
    await put(os, "from", "new");
    await put(os, "to", "old content");
    await os.rename("from", "to");
    await get(os, "to");
    await get(local, "to");
    await os.list(".");
  },
  async "a file into another folder"({ os }) {
    await os.mkdir("d", 0o755);
    await put(os, "file", "content");
    await os.rename("file", "d/file2");
    await get(os, "d/file2");
    await os.stat("file");
    await os.rename("d/file2", "../none/x");
  },
  async "all types, over nothing"({ os }) {
    for (const name of await zoo(os)) {
      await os.rename(name, `${name}.new`);
      await os.lstat(name);
      await os.lstat(`${name}.new`);
    }
  },
  async "onto itself, and onto another name of the same file"({ os }) {
    await put(os, "file", "content");
    await os.link("file", "same");
    await os.rename("file", "file");
    await os.rename("file", "same");
    await os.stat("file");
    await os.stat("same");
  },
  async "a folder over an empty one, and over a full one"({ os }) {
    await os.mkdir("a", 0o755);
    await put(os, "a/file", "content");
    await os.mkdir("empty", 0o700);
    await os.rename("a", "empty");
    await get(os, "empty/file");
    await os.mkdir("b", 0o755);
    await os.rename("b", "empty");
    await os.rename("empty", "b");
    await os.list("b");
  },
  async "files over folders, and folders over files"({ os }) {
    await zoo(os);
    await os.rename("file", "directory");
    await os.rename("directory", "file");
    await os.rename("directory", "link");
    await os.rename("link", "directory");
    await os.rename("file", "fifo");
    await os.lstat("fifo");
  },
  async "a folder into itself"({ os }) {
    await os.mkdir("a", 0o755);
    await os.mkdir("a/b", 0o755);
    await os.rename("a", "a/b/c");
    await os.rename("a", "a/b");
    await os.rename("a/b", "a");
    await os.rename("a/b", ".");
    await os.rename(".", "x");
    await os.rename("a/..", "x");
  },
  async "a link itself is renamed, not what it leads to"({ os }) {
    await zoo(os);
    await os.rename("link", "renamed");
    await os.readlink("renamed");
    await os.stat("file");
    await put(os, "other");
    await os.rename("other", "renamed");
    await os.lstat("renamed");
    await os.stat("file");
  },
  async "NOREPLACE"({ os }) {
    await put(os, "from", "a");
    await put(os, "to", "b");
    await os.rename("from", "to", NOREPLACE);
    await os.rename("from", "new", NOREPLACE);
    await os.rename("none", "new2", NOREPLACE);
    await get(os, "new");
    await get(os, "to");
  },
  async "EXCHANGE of files"({ os, local }) {
    await put(os, "a", "content of a");
    await put(os, "b", "of b");
    await os.rename("a", "b", EXCHANGE);
    await get(os, "a");
    await get(os, "b");
    await get(local, "a");
    await os.stat("a");
    await os.rename("a", "none", EXCHANGE);
    await os.rename("none", "a", EXCHANGE);
  },
  async "EXCHANGE of a folder and a file, while both are open"({ os }) {
    await os.mkdir("d", 0o755);
    await put(os, "d/inside", "inside");
    await put(os, "f", "file");
    const fd = await os.open("f", O_RDWR);
    const inside = await os.open("d/inside", O_RDWR);
    await os.rename("d", "f", EXCHANGE);
    await os.stat("d");
    await get(os, "f/inside");
    await os.pwrite(fd, "F", 0);
    await os.pwrite(inside, "I", 0);
    await get(os, "d");
    await get(os, "f/inside");
  },
  async "flags that are none"({ os }) {
    await put(os, "a");
    await put(os, "b");
    await os.rename("a", "b", NOREPLACE | EXCHANGE);
    await os.rename("a", "b", 8);
    await os.rename("a", "b", EXCHANGE | WHITEOUT);
  },
  "WHITEOUT leaves one": kernel("a check of capabilities", async ({ os }) => {
    await put(os, "a", "content");
    await os.rename("a", "b", WHITEOUT);
    await os.lstat("b");
  }),
  async "a file that is open is written on under its new name"({ os, local }) {
    const fd = await os.open("a", O_RDWR | O_CREAT, 0o644);
    await os.write(fd, "before");
    await os.rename("a", "b");
    await os.write(fd, " and after");
    await os.fstat(fd);
    await get(os, "b");
    await os.close(fd);
    await get(local, "b");
    await os.stat("a");
  },
  async "over a file that is open, which keeps its content"({ os }) {
    await put(os, "old", "old content");
    await put(os, "new", "new");
    const fd = await os.open("old", O_RDWR);
    await os.rename("new", "old");
    await os.read(fd, 100);
    await os.fstat(fd);
    await os.pwrite(fd, "OLD", 0);
    await get(os, "old");
    await os.pread(fd, 100, 0);
  },
  async "a folder with files that are open below"({ os, local }) {
    await os.mkdir("a", 0o755);
    await os.mkdir("a/b", 0o755);
    const fd = await os.open("a/b/file", O_RDWR | O_CREAT, 0o644);
    await os.write(fd, "before");
    await os.rename("a", "z");
    await os.write(fd, " and after");
    await put(os, "z/b/new", "new");
    await os.close(fd);
    await get(local, "z/b/file");
    await os.stat("a/b/file");
    await get(os, "z/b/file");
  },
  "a folder to another parent: .. leads there": kernel("remembering where a folder is", async ({ os }) => {
    await os.mkdir("p", 0o755);
    await os.mkdir("q", 0o755);
    await os.mkdir("p/d", 0o755);
    await put(os, "p/mark", "in p");
    await put(os, "q/mark", "in q");
    const dir = await os.open("p/d", O_RDONLY);
    await os.stat("p");
    await os.stat("q");
    await os.rename("p/d", "q/d");
    await os.stat("p");
    await os.stat("q");
    await get(os, "q/d/../mark");
    const fd = await os.openAt(dir, "../mark", O_RDONLY);
    await os.read(fd, 100);
  }),
  async "the way editors and package managers save"({ os, local }) {
    await put(os, "config", "version 1");
    for (let version = 2; version < 8; version++) {
      const fd = await os.open("config.new", O_RDWR | O_CREAT, 0o644);
      await os.write(fd, `version ${version}`);
      await os.fsync(fd);
      await os.close(fd);
      await os.link("config", "config.bak");
      await os.rename("config.new", "config");
      await get(os, "config");
      await get(local, "config");
      await os.unlink("config.bak");
    }
  },
  async "a name that was removed, made, and renamed over again and again"({ os }) {
    for (let round = 0; round < 5; round++) {
      await os.mkdir("x", 0o755);
      await os.rmdir("x");
      await put(os, "x", `round ${round}`);
      await os.rename("x", "y");
      await os.symlink("y", "x");
      await get(os, "x");
      await os.unlink("x");
    }
  },
};
