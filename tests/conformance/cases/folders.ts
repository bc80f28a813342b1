import { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { type Cases, kernel } from "../scene.ts";
import { put, zoo } from "./names.ts";

/** All of a listing, in pieces of `size` bytes; the names only, sorted. */
async function listInPieces(os: Calls, fd: number, size: number): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const some = await os.getdents(fd, size);
    if (typeof some === "number") return [`errno ${-some}`];
    if (some.length === 0) return all.sort();
    all.push(...some.map((line) => line.split(" ").slice(0, -2).join(" ")));
  }
}

async function fill(os: Calls, count: number): Promise<void> {
  await os.run(`i=0; while [ $i -lt ${count} ]; do : >file-with-a-longer-name-$i; i=$((i+1)); done`);
}

/**
 * Of a listing: how many names stay, whether one comes twice, whether those behind a place that was told come again from
 * there; and what a second listing shows of those that came and went.
 */
const changing = String.raw`
  opendir D, "."; my (%seen, $mark, $at); my $count = 0;
  while (defined(my $name = readdir D)) {
    $seen{$name}++;
    if (++$count == 6000) {
      $mark = telldir D; $at = $count;
      unlink map "gone$_", 1 .. 300; for (1 .. 300) { open F, ">", "late$_" }
    }
  }
  print scalar(grep /^keep/, keys %seen), " ", scalar(grep { $_ > 1 } values %seen), "\n";
  seekdir D, $mark; my %rest; $rest{$_}++ while defined($_ = readdir D);
  my $left = grep /^keep/, keys %rest; print $left >= 20000 - $at && $left <= 20300 - $at ? "rest\n" : "$left of $at\n";
  rewinddir D; my %again; $again{$_}++ while defined($_ = readdir D);
  for my $kind ("keep", "late", "gone") { print scalar(grep /^$kind/, keys %again), "\n" }`;

export const folders: Cases = {
  async "mkdir() and rmdir()"({ os, local }) {
    await os.stat(".");
    await os.mkdir("d", 0o755);
    await os.mkdir("d", 0o755);
    await os.stat(".");
    await os.mkdir("d/e", 0o755);
    await os.stat("d");
    await os.rmdir("d");
    await os.rmdir("d/e");
    await os.rmdir("d");
    await local.list(".");
    await os.stat(".");
  },
  async "mkdir() over anything"({ os }) {
    for (const name of await zoo(os)) await os.mkdir(name, 0o755);
  },
  async "rmdir() of what is no folder, unlink() of one"({ os }) {
    for (const name of await zoo(os)) await os.rmdir(name);
    await os.mkdir("directory", 0o755);
    await os.unlink("directory");
    await os.rmdir(".");
    await os.unlink(".");
    await os.rmdir("..");
  },
  async "all types are listed as what they are"({ os, local }) {
    await zoo(os);
    await os.list(".");
    await zoo(local);
    await os.list(".");
  },
  "a folder of 2000 files, in pieces of any size": kernel("getdents64(2)", async ({ os, local, note, quietly }) => {
    await quietly(() => fill(local, 2000));
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    for (const size of [32_768, 4_096, 1_000]) {
      note(await quietly(() => listInPieces(os, fd, size)));
      await os.seek(fd, 0, 0);
    }
  }),
  "20 000 names, listed while others come and go, and from any place": kernel("programs", async ({ os, local }) => {
    const make = (count: number, name: string) =>
      `mkdir -p d && cd d && perl -e 'for (1..${count}) { open F, ">", "${name}$_" or die }'`;
    await local.run(make(20_000, "keep"));
    await local.run(make(300, "gone"));
    await os.run(`cd d && perl -e '${changing}'`);
    await local.run("rm -r d");
  }),
  "a listing goes on after any entry": kernel("getdents64(2)", async ({ os, note, quietly }) => {
    await quietly(() => fill(os, 200));
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    const first = await quietly(() => os.getdents(fd, 4096)) as string[];
    const rest = await quietly(() => listInPieces(os, fd, 4096));
    const middle = first[Math.floor(first.length / 2)].split(" ");
    await quietly(() => os.seekdir(fd, middle.at(-1)!));
    const again = await quietly(() => listInPieces(os, fd, 4096));
    const after = first.slice(Math.floor(first.length / 2) + 1).map((line) => line.split(" ")[0]);
    note(again.length === rest.length + after.length && after.every((name) => again.includes(name)));
    note(new Set(again).size === again.length);
  }),
  "a folder is emptied while it is listed": kernel("getdents64(2)", async ({ os, note, quietly }) => {
    await quietly(() => fill(os, 250));
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    const removed = await quietly(async () => {
      let count = 0;
      for (let some; (some = await os.getdents(fd, 1024) as string[]).length > 0;) {
        for (const line of some) {
          const name = line.split(" ")[0];
          if (!name.startsWith(".") && await os.unlink(name) === 0) count++;
        }
      }
      return count;
    });
    note(removed);
    await os.list(".");
  }),
  "files stay listed once while others come and go": kernel("getdents64(2)", async ({ os, local, note, quietly }) => {
    await quietly(() => fill(os, 150));
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    const seen = await quietly(async () => {
      const all: string[] = [];
      for (let some, round = 0; (some = await os.getdents(fd, 1024) as string[]).length > 0; round++) {
        all.push(...some.map((line) => line.split(" ")[0]));
        await put(local, `local-${round}`);
        await put(os, `own-${round}`);
        await os.unlink(`own-${round - 1}`);
      }
      return all.filter((name) => name.startsWith("file"));
    });
    note([seen.length, new Set(seen).size]);
    await quietly(() => os.run("rm -f local-* own-*"));
  }),
  "rewinding shows what has come": kernel("getdents64(2)", async ({ os, note, quietly }) => {
    await put(os, "one");
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    note(await quietly(() => listInPieces(os, fd, 4096)));
    await put(os, "two");
    await os.unlink("one");
    await os.seek(fd, 0, 0);
    note(await quietly(() => listInPieces(os, fd, 4096)));
  }),
  "a removed folder that is open": kernel("getdents64(2)", async ({ os }) => {
    await os.mkdir("d", 0o755);
    const fd = await os.open("d", O_RDONLY | O_DIRECTORY);
    await os.rmdir("d");
    await os.fstat(fd);
    await os.getdents(fd, 4096);
    await os.openAt(fd, "file", O_RDWR | O_CREAT, 0o644);
    await os.openAt(fd, ".", O_RDONLY);
    await os.openAt(fd, "..", O_RDONLY);
    await os.mkdir("d", 0o755);
    await os.openAt(fd, "file", O_RDWR | O_CREAT, 0o644);
  }),
  async "fsync() of a folder"({ os }) {
    const fd = await os.open(".", O_RDONLY | O_DIRECTORY);
    await os.fsync(fd);
    await put(os, "file");
    await os.fsync(fd);
  },
  async "a folder is listed right after each change"({ os }) {
    await os.list(".");
    await put(os, "a");
    await os.list(".");
    await os.mkdir("b", 0o755);
    await os.list(".");
    await os.rename("a", "c");
    await os.list(".");
    await os.unlink("c");
    await os.list(".");
    await os.rmdir("b");
    await os.list(".");
  },
  async "two processes see each other's names at once"({ os, other }) {
    await other.stat("name");
    await put(os, "name", "content");
    await other.stat("name");
    await other.rename("name", "new");
    await os.stat("name");
    await os.stat("new");
    await os.unlink("new");
    await other.stat("new");
    await other.list(".");
  },
  "a tree is made and removed by its tools": kernel("programs", async ({ os }) => {
    await os.run("mkdir -p a/b/c/d/e && echo x >a/b/c/file && cp -r a z && diff -r a z && find . | sort");
    await os.run("mv z/b y && rm -r a z && find . | sort && rm -r y && ls -A");
  }),
};
