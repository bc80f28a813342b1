import type { ByteString } from "../../bytes/mod.ts";
import { basename, dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** Languages, by the version managers of rbenv's family; others are named after theirs: `phpenv`. */
const languages: Readonly<Record<string, string>> = {
  pyenv: "python",
  rbenv: "ruby",
  nodenv: "node",
  plenv: "perl",
  jenv: "java",
};

/**
 * A version manager's stand-in for a program (`~/.pyenv/shims/python`): a shell script that has the manager's scripts find
 * out which of the installed versions is meant, and execute that one's. Those scripts compute all names, so that reading
 * them says little; but where versions lie, and what chooses one, is known.
 */
export const shimRule: Rule = {
  name: "shim",

  applies(program: Program): boolean {
    return /\/shims\/[^/]+$/.test(program.path) && program.elf === undefined;
  },

  plan(program: Program): void {
    const text = program.disk.readText(program.path) ?? path``;
    const [, manager] = /^exec "([^"$]*)" exec "\$program" "\$@"/m.exec(text) ?? [];
    const file = manager !== undefined ? planManaged(program, manager as ByteString) : planAsdf(program, text);
    if (file !== undefined) program.execute({ path: file, argv: [file, ...program.argv.slice(1)] });
  },
};

/** rbenv's family; `manager`: its executable. Returns what will be executed in the end. */
function planManaged(program: Program, manager: ByteString): ByteString | undefined {
  const name = basename(manager);
  const root = dirname(dirname(program.path));
  const title = basename(program.path);
  const libexec = dirname(program.disk.realPath(manager) ?? manager);
  program.listing(libexec);
  wantHooks(program, { name, root });
  const plugins = (program.listing(path`${root}/plugins`) ?? []).map((plugin) => path`${root}/plugins/${plugin}/bin`);
  for (const plugin of plugins) program.name(plugin);
  const folders = [libexec, ...plugins, program.variable("PATH") ?? path``].join(":");
  const env = [...program.env.filter((entry) => !entry.startsWith("PATH=")), path`PATH=${folders as ByteString}`];
  // Its other scripts are found as commands in this one, and in each other.
  const script = path`${libexec}/${name}-exec`;
  program.execute({ path: script, argv: [script, title, ...program.argv.slice(1)], env });
  const installed = program.listing(path`${root}/versions`) ?? [];
  for (const version of managedVersions(program, { name, root })) {
    if (version === "system") return searchBeside(program, title);
    const candidates = [version, latest(installed, version)].filter((candidate) => candidate !== undefined);
    const file = candidates.map((candidate) => path`${root}/versions/${candidate}/bin/${title}`)
      .find((candidate) => program.name(candidate));
    if (file !== undefined) return file;
  }
  return searchBeside(program, title);
}

/** Where the manager looks for scripts to be read beside its own. */
function wantHooks(program: Program, { name, root }: { name: ByteString; root: ByteString }): void {
  const folder = path`${name}.d`;
  for (const above of [root, path`/usr/etc`, path`/usr/local/etc`, path`/etc`]) {
    for (const command of [path`exec`, path`which`, path`version-name`]) {
      const hooks = path`${above}/${folder}/${command}`;
      for (const hook of program.listing(hooks) ?? []) {
        if (hook.endsWith(".bash")) program.content(path`${hooks}/${hook}`);
      }
    }
  }
  program.name(path`/usr/lib/${name}/hooks`);
}

/** The versions that are chosen: by the environment, by a file here or above, or by the user's own file. */
function managedVersions(program: Program, { name, root }: { name: ByteString; root: ByteString }): ByteString[] {
  const chosen = program.nonEmpty(`${name.toUpperCase()}_VERSION`);
  if (chosen !== undefined) return split(chosen, ":");
  const language = languages[name] ?? name.replace(/env$/, "");
  const file = findAbove(program, path`.${language as ByteString}-version`) ?? path`${root}/version`;
  if (!program.content(file)) return [path`system`];
  return words(program.disk.readText(file) ?? path``);
}

/** asdf: `exec …/asdf exec "python" "$@"`, in a file that says whose it is. */
function planAsdf(program: Program, text: ByteString): ByteString | undefined {
  const [, manager, title] = /^exec (\S*\/asdf) exec "([^"]+)" "\$@"/m.exec(text) ?? [];
  const [, plugin, fallback] = /^# asdf-plugin: (\S+) (\S+)/m.exec(text) ?? [];
  if (manager === undefined || plugin === undefined) return undefined;
  const root = dirname(dirname(program.path));
  const file = findAbove(program, path`.tool-versions`) ??
    join(program.nonEmpty("HOME") ?? path`/`, path`.tool-versions`);
  const line = split(program.content(file) ? program.disk.readText(file) ?? path`` : path``, "\n")
    .find((line) => words(line)[0] === plugin);
  const chosen = program.nonEmpty(`ASDF_${plugin.toUpperCase().replaceAll("-", "_")}_VERSION`);
  for (const version of [...words(chosen ?? path``), ...words(line ?? path``).slice(1), fallback]) {
    const candidate = `${root}/installs/${plugin}/${version}/bin/${title}` as ByteString;
    if (program.name(candidate)) return candidate;
  }
  return undefined;
}

/** A file of this name in the working directory, or the nearest one above that has it. */
function findAbove(program: Program, name: ByteString): ByteString | undefined {
  for (let folder = program.cwd;; folder = dirname(folder)) {
    if (program.content(join(folder, name))) return join(folder, name);
    if (folder === "/" || folder === ".") return undefined;
  }
}

/** The program in PATH that is no shim. */
function searchBeside(program: Program, title: ByteString): ByteString | undefined {
  const shims = dirname(program.path);
  const folders = split(program.variable("PATH") ?? path``, ":").filter((folder) => folder !== shims);
  const env = [path`PATH=${folders.join(":") as ByteString}`];
  return program.with({ env, cwd: program.cwd }).search(title);
}

/** Of `3.11`, the newest 3.11.x there is. */
function latest(installed: readonly ByteString[], prefix: ByteString): ByteString | undefined {
  const patch = (name: ByteString) => Number(/^\d+/.exec(name.slice(prefix.length + 1))?.[0] ?? -1);
  const candidates = installed.filter((name) => name.startsWith(`${prefix}.`));
  return candidates.sort((a, b) => patch(b) - patch(a))[0];
}

function words(text: ByteString): ByteString[] {
  const lines = text.replace(/#.*$/gm, "").trim();
  return lines === "" ? [] : split(lines as ByteString, /\s+/);
}
