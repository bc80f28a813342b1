import { type ByteString, fromText } from "../../bytes/mod.ts";
import { indexFolders } from "../git/index_folders.ts";
import { dirname, join, path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** Where `git --exec-path` is, by distribution. */
const EXEC_PATHS = [path`/usr/lib/git-core`, path`/usr/libexec/git-core`];
/** A larger index is read in part, and not at once. */
const MAX_INDEX = 32 << 20;

/** Commands that look at every tracked file. */
const readsWorkTree =
  /^(add|checkout|clean|commit|describe|diff|ls-files|merge|pull|rebase|reset|restore|stash|status|switch)$/;
/** What git looks for in a repository to see what it is in the middle of. */
const STATES = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-apply", "rebase-merge"];

/** git: configuration, the repository around the working directory, and commands that are programs of their own. */
export const gitRule: Rule = {
  name: "git",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.includes(path`git`);
  },

  plan(program: Program): void {
    const { command, folder } = readGitArguments(program);
    wantConfiguration(program);
    if (command === undefined) return;
    const repository = findRepository(program, folder);
    if (repository !== undefined) wantRepository(program, repository);
    if (repository !== undefined && readsWorkTree.test(command)) wantWorkTree(program, repository);
    for (const home of EXEC_PATHS) {
      const file = path`${home}/git-${command}`;
      const stat = program.disk.stat(file);
      const own = program.disk.stat(program.realPath);
      // What is git itself under another name is not executed.
      if (stat !== undefined && stat.id !== own?.id) program.execute({ path: file, argv: [file] });
    }
  },
};

function readGitArguments(program: Program): { command: ByteString | undefined; folder: ByteString } {
  let folder = program.cwd;
  for (let at = 1; at < program.argv.length; at++) {
    const arg = program.argv[at];
    if (arg === "-C") folder = join(folder, program.argv[++at] ?? path``);
    else if (/^(-c|--git-dir|--work-tree|--namespace|--exec-path)$/.test(arg)) at++;
    else if (!arg.startsWith("-")) return { command: arg, folder };
  }
  return { command: undefined, folder };
}

/** git-config(1): FILES. */
function wantConfiguration(program: Program): void {
  const home = program.nonEmpty("HOME");
  for (const name of ["gitconfig", "gitattributes"]) program.content(path`/etc/${fromText(name)}`);
  const xdg = program.nonEmpty("XDG_CONFIG_HOME") ?? (home && path`${home}/.config`);
  if (xdg !== undefined) {
    for (const name of ["config", "ignore", "attributes"]) program.content(path`${xdg}/git/${fromText(name)}`);
  }
  if (home !== undefined) program.content(path`${home}/.gitconfig`);
}

/** What is checked out, and its commit, unless that is packed. */
function wantBranch(program: Program, common: ByteString, branch: ByteString): void {
  const file = path`${common}/${branch}`;
  const [, folder, name] = program.content(file)
    ? /^(\w\w)(\w{38,62})\s*$/.exec(program.disk.readText(file) ?? "") ?? []
    : [];
  if (folder !== undefined) program.content(path`${common}/objects/${folder as ByteString}/${name as ByteString}`);
}

/** Tracked files are looked up each, and their folders listed for others. */
function wantWorkTree(program: Program, { workTree, folder }: Repository): void {
  for (const name of STATES) program.name(path`${folder}/${fromText(name)}`);
  const index = program.disk.readWhole(path`${folder}/index`, MAX_INDEX);
  for (const name of index === undefined ? [] : indexFolders(index)) program.listing(join(workTree, name));
}

interface Repository {
  readonly workTree: ByteString;
  /** `.git`, or what a file of that name says: the folder of a work tree. */
  readonly folder: ByteString;
  /** What all work trees share. */
  readonly common: ByteString;
}

function findRepository(program: Program, start: ByteString): Repository | undefined {
  const given = program.nonEmpty("GIT_DIR");
  if (given !== undefined) {
    const folder = join(program.cwd, given);
    return { workTree: start, folder, common: folder };
  }
  for (let workTree = program.disk.realPath(start) ?? start;; workTree = dirname(workTree)) {
    const entry = join(workTree, path`.git`);
    program.content(entry);
    const text = program.disk.readText(entry);
    const link = /^gitdir: (.*)/.exec(text ?? "")?.[1];
    const folder = link === undefined ? entry : join(workTree, link as ByteString);
    if (program.disk.isDirectory(folder)) return { workTree, folder, common: commonFolder(program, folder) };
    if (workTree === "/") return undefined;
  }
}

function commonFolder(program: Program, folder: ByteString): ByteString {
  program.content(path`${folder}/commondir`);
  const text = program.disk.readText(path`${folder}/commondir`)?.trim();
  return text ? program.disk.normalize(join(folder, text as ByteString)) : folder;
}

function wantRepository(program: Program, { workTree, folder, common }: Repository): void {
  for (const name of ["HEAD", "config.worktree", "info/sparse-checkout"]) {
    program.content(path`${folder}/${fromText(name)}`);
  }
  for (const name of ["config", "packed-refs", "info/exclude", "info/attributes", "shallow", "info/grafts"]) {
    program.content(path`${common}/${fromText(name)}`);
  }
  const head = /^ref: (.*)/.exec(program.disk.readText(path`${folder}/HEAD`) ?? "")?.[1];
  if (head !== undefined) wantBranch(program, common, head as ByteString);
  // A revision may be the name of a branch, a tag or a remote.
  for (const name of ["refs", "refs/heads", "refs/tags", "refs/remotes"]) {
    program.listing(path`${common}/${fromText(name)}`);
  }
  program.contentUpTo(path`${folder}/index`, MAX_INDEX);
  for (
    const name of [
      "objects",
      "objects/info/alternates",
      "objects/info/commit-graph",
      "objects/info/commit-graphs",
      "objects/pack/multi-pack-index",
    ]
  ) {
    program.content(path`${common}/${fromText(name)}`);
  }
  for (const name of program.listing(path`${common}/objects/pack`) ?? []) {
    if (name.endsWith(".idx")) program.contentUpTo(path`${common}/objects/pack/${name}`, MAX_INDEX);
  }
  for (const name of [".gitignore", ".gitattributes", ".gitmodules"]) {
    program.content(path`${workTree}/${fromText(name)}`);
  }
}
