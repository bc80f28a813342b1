/** Work on many small files, as people do with the sources of a project. A case is a few lines: see {@link trees}. */
import { makeTree, type TreeSize } from "./make_tree.ts";
import { alternate, type Series, time } from "./measure.ts";
import type { Rig } from "./rig.ts";
import { countWaits } from "./starts.ts";
import type { Measuring } from "./sessions.ts";

/** Longer than what was changed is taken for something that may change again. */
const SETTLED_MS = 3000;

/** What is done with a tree. */
export interface TreeCase {
  readonly title: string;
  /** A shell command, in the top of a tree that is a git repository. What it says is compared with what it says here. */
  readonly script: string;
  /** Default: 3000 files in 300 directories. */
  readonly size?: TreeSize;
  /** Its output is not always the same: it is not compared. */
  readonly isSilent?: boolean;
  /** It changes the tree: what that becomes is compared with what it becomes here. Each run begins with a fresh tree. */
  readonly changes?: boolean;
}

const usual: TreeSize = { files: 3000, directories: 300 };
const large: TreeSize = { files: 30_000, directories: 3000 };

/** All cases, in the order of the table. */
export const trees: readonly TreeCase[] = [
  { title: "`find`", script: "find . -path ./.git -prune -o -print | LC_ALL=C sort" },
  { title: "`du -a`", script: "du -a --exclude=.git . | LC_ALL=C sort" },
  { title: "`ls -lR`", script: "ls -lR ." },
  { title: "`git status`", script: "git status --short" },
  { title: "`git diff`", script: "git diff --stat" },
  { title: "`tar c`", script: "tar -cf - --exclude=.git --sort=name . | sha256sum" },
  { title: "`grep -r`", script: 'grep -rc --exclude-dir=.git "was 1" . | LC_ALL=C sort' },
  { title: "`cat` of all", script: "find part_* -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum" },
  { title: "`find`, 30 000", script: "find . -path ./.git -prune -o -print | LC_ALL=C sort", size: large },
  { title: "`git status`, 30 000", script: "git status --short", size: large },
];

/** What measuring a case gives. */
export interface TreeTimes extends Record<"local" | "ssh" | "first" | "again", Series> {
  /** Requests of the kernel that waited for half a round trip or longer, first and again; undefined without a distance. */
  readonly waits: readonly [number | undefined, number | undefined];
}

/** Runs a case in turns here, with plain ssh (`true`), and through outrun: with nothing kept, and once more. */
export async function measureTree(tree: TreeCase, { rig, target, ...options }: Measuring): Promise<TreeTimes> {
  const folders = new TreeFolders(rig, tree);
  const command = ["sh", "-c", tree.script];
  const outrun = [...target.outrun, ...command];
  const limitMs = options.limitMs;
  const there = async (state: "first" | "again") => {
    if (state === "first") await rig.forget({ contents: true, traces: true });
    return await time(outrun, { ...await folders.context("there"), limitMs });
  };
  await time([...target.outrun, "true"], { ...rig.context, limitMs });
  const variants: Record<string, () => Promise<number | string>> = {
    local: async () => await time(command, { ...await folders.context("here"), limitMs }),
    ssh: () => time([...target.ssh, "true"], { ...rig.context, limitMs }),
    first: () => there("first"),
    again: () => there("again"),
  };
  const times = await alternate(variants, options);
  await folders.compare(command, outrun);
  await rig.forget({ contents: true, traces: true });
  const first = await countWaits(outrun, { rig, target, context: await folders.context("there") });
  const again = await countWaits(outrun, { rig, target, context: await folders.context("there") });
  return { ...times, waits: [first, again] } as unknown as TreeTimes;
}

/** Trees to work on. Those that are not changed are made once. */
class TreeFolders {
  readonly #rig: Rig;
  readonly #tree: TreeCase;

  constructor(rig: Rig, tree: TreeCase) {
    this.#rig = rig;
    this.#tree = tree;
  }

  /** Where a run is to be; one that changes its tree has it anew. */
  async context(place: "here" | "there"): Promise<{ cwd: string; env: Record<string, string> }> {
    const { cwd, env } = this.#rig.context;
    const { files, directories } = this.#tree.size ?? usual;
    const original = `${cwd}/tree-${files}`;
    if (!await exists(original)) {
      await makeTree(original, { files, directories });
      await demand(["sh", "-c", REPOSITORY], original);
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    }
    if (!this.#tree.changes) return { cwd: original, env };
    const own = `${cwd}/${place}`;
    await demand(["sh", "-c", 'rm -rf "$1" && cp -a "$2" "$1"', "sh", own, original], cwd);
    return { cwd: own, env };
  }

  /** Throws unless the command says and does there what it says and does here. */
  async compare(command: readonly string[], outrun: readonly string[]): Promise<void> {
    const [here, there] = [await this.context("here"), await this.context("there")];
    const said = [await demand(command, here.cwd, here.env), await demand(outrun, there.cwd, there.env)];
    if (!this.#tree.isSilent && said[0] !== said[1]) {
      throw new Error(`Cannot measure ${this.#tree.title}: it says something else than here`);
    }
    if (this.#tree.changes) await demand(["diff", "-r", "--no-dereference", here.cwd, there.cwd], here.cwd);
  }
}

/** The whole tree is committed, and then clean. */
const REPOSITORY = "git init -q . && git add -A && git -c user.name=n -c user.email=e commit -qm tree && git status";

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** What a program says; throws when it fails. */
async function demand(
  [program, ...args]: readonly string[],
  cwd: string,
  env?: Record<string, string>,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, cwd, env, stdin: "null" }).output();
  const said = new TextDecoder().decode(stdout);
  if (code === 0) return said;
  throw new Error(`Cannot run "${program} ${args.join(" ")}": status ${code}: ${new TextDecoder().decode(stderr)}`);
}
