/** Work on many small files, as people do with the sources of a project. A case is a few lines: see {@link trees}. */
import { alternate, median, run, type Series, time } from "./measure.ts";
import { COMMIT, NPM, type Original, originals } from "./originals.ts";
import type { Measuring } from "./sessions.ts";
import { readCosts } from "./starts.ts";
import { TreeFolders } from "./tree_folders.ts";

/** What is done with a tree. */
export interface TreeCase {
  readonly title: string;
  /** A shell command, in the top of a tree. What it says is compared with what it says here. */
  readonly script: string;
  /** Default: 3000 files in 300 directories, a clean git repository. */
  readonly original?: Original;
  /** It changes the tree: what that becomes is compared with what it becomes here. Each run begins with a fresh tree. */
  readonly changes?: boolean;
  /** Of a changed tree, for what is not the same in two copies: a shell command that says what is, and removes it. */
  readonly check?: string;
}

/** An index has times and inode numbers in it. */
const GIT_CHECK = "git fsck --strict 2>&1 && git log && git ls-files -s && git status --short && rm .git/index";

/** npm notes in the index of its cache when it read what; before each entry there is a digest of it. */
const NPM_CHECK = "find cache/_cacache/index-v5 -type f | LC_ALL=C sort | " +
  `xargs sed -E 's/^[0-9a-f]{40}\t//; s/"time":[0-9]+//' | sha256sum && rm -r cache/_cacache/index-v5`;

/** All cases, in the order of the table. */
export const trees: readonly TreeCase[] = [
  { title: "`find`", script: "find . -path ./.git -prune -o -print | LC_ALL=C sort" },
  { title: "`du -a`", script: "du -a --exclude=.git . | LC_ALL=C sort" },
  { title: "`ls -lR`", script: "ls -lR ." },
  { title: "`git status`", script: "git status --short" },
  { title: "`git diff`", script: "git diff", original: originals.changed },
  {
    title: "`git add -A && git commit`",
    script: `git add -A && ${COMMIT}`,
    original: originals.unversioned,
    changes: true,
    check: GIT_CHECK,
  },
  { title: "`tar c`", script: "tar -cf - --exclude=.git --sort=name . | sha256sum" },
  { title: "`grep -r`", script: 'grep -rc --exclude-dir=.git "was 1" . | LC_ALL=C sort' },
  { title: "`cat` of all", script: "find part_* -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum" },
  {
    title: "1000 files made and removed",
    script: "for i in $(seq 1100); do echo $i >file_$i; done; rm $(seq -f file_%.0f 1000)",
    original: originals.empty,
    changes: true,
  },
  { title: "`tar x`", script: "tar -xf tree.tar", original: originals.packed, changes: true },
  { title: "`cp -r`", script: "cp -r tree copy", original: originals.plain, changes: true },
  { title: "`rm -r`", script: "rm -r tree", original: originals.plain, changes: true },
  { title: "`make -j2`, 13 files", script: "make -j2 && ./program", original: originals.project, changes: true },
  {
    title: "`make -j2`, libtommath",
    script: "make -j2 >log",
    original: originals.library,
    changes: true,
    check: "rm log",
  },
  {
    title: "`npm ci`, 147 packages",
    script: `${NPM} ci --offline --loglevel=error --silent`,
    original: originals.packages,
    changes: true,
    check: NPM_CHECK,
  },
  {
    title: "sqlite, 1000 transactions",
    script: "sqlite3 data.db <rows.sql",
    original: originals.rows,
    changes: true,
  },
  {
    title: "`find`, 30 000",
    script: "find . -path ./.git -prune -o -print | LC_ALL=C sort",
    original: originals.largeTree,
  },
  { title: "`git status`, 30 000", script: "git status --short", original: originals.largeTree },
];

/** What measuring a case gives. */
export interface TreeTimes extends Record<"local" | "ssh" | "first" | "again", Series> {
  /**
   * Requests of the kernel that waited for half a round trip or longer, first and again: medians; undefined without a
   * distance.
   */
  readonly waits: readonly [number | undefined, number | undefined];
}

/**
 * Runs a case in turns here, with plain ssh (`true`), and through outrun: with nothing kept, and once more. Every run
 * through outrun must say and leave behind what the one before it here did.
 */
export async function measureTree(tree: TreeCase, { rig, target, ...options }: Measuring): Promise<TreeTimes> {
  const folders = new TreeFolders(rig, { original: tree.original ?? originals.tree, ...tree });
  const { limitMs } = options;
  const command = ["sh", "-c", tree.script];
  const [outrun, ...words] = target.outrun;
  const waits: Record<"first" | "again", number[]> = { first: [], again: [] };
  const there = async (state: "first" | "again") => {
    if (state === "first") await rig.forget({ contents: true, traces: true });
    const result = await run([outrun, "--debug", ...words, ...command], { ...await folders.fresh(), limitMs });
    if (typeof result === "string") return result;
    const count = readCosts(result.errors, target.rttMs).waits;
    if (count !== undefined) waits[state].push(count);
    return await folders.compare(result.said) ?? result.ms;
  };
  await time([...target.outrun, "true"], { ...rig.context, limitMs });
  const variants: Record<string, () => Promise<number | string>> = {
    local: async () => {
      const result = await run(command, { ...await folders.fresh(), limitMs });
      if (typeof result !== "string") await folders.keep(result.said);
      return typeof result === "string" ? result : result.ms;
    },
    ssh: () => time([...target.ssh, "true"], { ...rig.context, limitMs }),
    first: () => there("first"),
    again: () => there("again"),
  };
  const times = await alternate(variants, options);
  await folders.remove();
  const medians = [waits.first, waits.again].map((counts) => counts.length > 0 ? median(counts) : undefined);
  return { ...times, waits: medians } as unknown as TreeTimes;
}
