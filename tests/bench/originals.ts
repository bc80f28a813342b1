/** What trees are copied from: made once for all runs, always the same. */
import { makeProject } from "./make_project.ts";
import { makeTree, type TreeSize } from "./make_tree.ts";

/** A tree that work is done in. */
export interface Original {
  /** Of its folder. */
  readonly name: string;
  /** Makes it at `path`, where nothing is. `kept`: a folder that outlives this process, for what is fetched. */
  readonly make: (path: string, kept: string) => Promise<void>;
}

const usual: TreeSize = { files: 3000, directories: 300 };
const large: TreeSize = { files: 30_000, directories: 3000 };

/** git commits are the same whenever they are made. */
export const COMMIT = "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z " +
  "git -c user.name=n -c user.email=e commit -qm tree";
/** No collecting of garbage beside what is measured. */
const INIT = "git init -q . && git config gc.auto 0 && git config maintenance.auto false";
const CHANGED_FILES = 100;

/** All of them, by what the cases call them. */
export const originals = {
  /** 3000 files in 300 directories, all committed, and clean. */
  tree: repository("tree-3000", usual),
  /** The same with 30 000 files. */
  largeTree: repository("tree-30000", large),
  /** As the first, with changes in 100 files. */
  changed: {
    name: "changed",
    make: async (path) => {
      await makeTree(path, usual);
      const change = `find part_* -type f | LC_ALL=C sort | head -n ${CHANGED_FILES} | xargs sed -i '2s/.*/changed/'`;
      await demand(["sh", "-c", `${INIT} && git add -A && ${COMMIT} && ${change} && git status`], path);
    },
  },
  /** The same files, and a repository without anything in it. */
  unversioned: {
    name: "unversioned",
    make: async (path) => {
      await makeTree(path, usual);
      await demand(["sh", "-c", INIT], path);
    },
  },
  /** The files alone, in the folder `tree`. */
  plain: { name: "plain", make: async (path) => await makeTree(`${path}/tree`, usual) },
  /** The same as `tree.tar`. */
  packed: {
    name: "packed",
    make: async (path) => {
      await makeTree(`${path}/tree`, usual);
      await demand(["sh", "-c", "tar -cf tree.tar tree && rm -rf tree"], path);
    },
  },
  /** `rows.sql`, which makes a table and 1000 rows, a transaction each. */
  rows: {
    name: "rows",
    make: async (path) => {
      const rows = Array.from({ length: 1000 }, (_, id) => `INSERT INTO rows VALUES (${id}, 'row number ${id}');\n`);
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/rows.sql`, ["CREATE TABLE rows (id, text);\n", ...rows].join(""));
    },
  },
  empty: { name: "empty", make: async (path) => await Deno.mkdir(path) },
  /** 13 C files. */
  project: { name: "project", make: makeProject },
  /** libtommath, from Debian's source package: 157 C files. */
  library: {
    name: "library",
    make: async (path, kept) => {
      const sources = `${kept}/sources`;
      const find =
        `ls -d "$1"/libtommath-* 2>/dev/null || { scripts/sources "$1" libtommath && ls -d "$1"/libtommath-*; }`;
      const [folder] = (await demand(["sh", "-c", find, "sh", sources], top)).trim().split("\n");
      await demand(["cp", "-r", folder, path], top);
    },
  },
  /**
   * A package.json with eslint and mocha, which are 147 packages, the lock file, and npm's cache in the folder `cache`: nothing
   * is asked of the registry by what is measured, as the other machine has no way there.
   */
  packages: {
    name: "packages",
    make: async (path, kept) => {
      const folder = `${kept}/npm`;
      await Deno.mkdir(folder, { recursive: true });
      const dependencies = { eslint: "8.57.0", mocha: "10.4.0" };
      const manifest = JSON.stringify({ name: "bench", version: "1.0.0", private: true, dependencies });
      await Deno.writeTextFile(`${folder}/package.json`, manifest);
      // Some packages of Node bring it along.
      await demand(["sh", "-c", "command -v npm || scripts/packages npm"], top);
      await demand(["sh", "-c", `${NPM} ci --prefer-offline || { ${NPM} install && ${NPM} ci; }`], folder);
      await demand(["sh", "-c", 'rm -rf node_modules && cp -r "$1" "$2"', "sh", folder, path], folder);
    },
  },
} satisfies Record<string, Original>;

/** npm with its cache in the folder; what it brings is not run. */
export const NPM = "npm --cache=cache --logs-max=0 --ignore-scripts --no-audit --no-fund --no-update-notifier";

const top = new URL("../../", import.meta.url).pathname;

function repository(name: string, size: TreeSize): Original {
  return {
    name,
    make: async (path) => {
      await makeTree(path, size);
      await demand(["sh", "-c", `${INIT} && git add -A && ${COMMIT} && git status`], path);
    },
  };
}

/** What a program says; throws when it fails. */
export async function demand(
  [program, ...args]: readonly string[],
  cwd: string,
  env?: Record<string, string>,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, cwd, env, stdin: "null" }).output();
  const said = new TextDecoder().decode(stdout);
  if (code === 0) return said;
  throw new Error(`Cannot run "${program} ${args.join(" ")}": status ${code}: ${new TextDecoder().decode(stderr)}`);
}
