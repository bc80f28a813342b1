import { type ByteString, fromText } from "../../bytes/mod.ts";
import { join, path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";
import { scanCommands } from "../shell/scan_commands.ts";

/** Different commands of one script that are looked at. */
const MAX_COMMANDS = 48;

/** Commands that are part of the shell. */
const builtIn = new Set(
  (". : [ [[ alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable " +
    "eval exec exit export false fc fg getopts hash help history jobs kill let local logout popd printf pushd pwd read " +
    "readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait")
    .split(" "),
);

/** A shell: its start-up files, and the commands in what it is given to run. */
export const shellRule: Rule = {
  name: "shell",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^(ba|da|z|k|mk|a)?sh$/.test(title));
  },

  plan(program: Program): void {
    const { text, file, args, isLogin, isInteractive } = readShellArguments(program.argv);
    wantStartFiles(program, isLogin, isInteractive);
    if (text !== undefined) return runText(program, text, args);
    if (file === undefined) return;
    const script = join(program.cwd, file);
    if (program.content(script)) runText(program, program.disk.readText(script) ?? path``, args);
  },
};

interface ShellArguments {
  /** Of `-c`. */
  readonly text: ByteString | undefined;
  /** A script's. */
  readonly file: ByteString | undefined;
  /** $0 and what follows. */
  readonly args: readonly ByteString[];
  readonly isLogin: boolean;
  readonly isInteractive: boolean;
}

function readShellArguments(argv: readonly ByteString[]): ShellArguments {
  let options = "";
  let isLogin = argv[0]?.startsWith("-") ?? false;
  let at = 1;
  for (; at < argv.length && /^[-+]./.test(argv[at]) && argv[at] !== "--"; at++) {
    if (argv[at] === "--login") isLogin = true;
    else if (/^--(rcfile|init-file)$|^[-+][a-zA-Z]*[oO]$/.test(argv[at])) at++;
    else if (!argv[at].startsWith("--") && argv[at].startsWith("-")) options += argv[at].slice(1);
  }
  if (argv[at] === "--" || argv[at] === "-") at++;
  const isText = options.includes("c");
  const [first, ...rest] = argv.slice(at);
  return {
    text: isText ? first : undefined,
    file: isText || options.includes("s") ? undefined : first,
    args: isText ? rest : argv.slice(at),
    isLogin: isLogin || options.includes("l"),
    isInteractive: options.includes("i") || first === undefined,
  };
}

/** bash(1), dash(1) and zsh(1): INVOCATION. */
function wantStartFiles(program: Program, isLogin: boolean, isInteractive: boolean): void {
  const home = program.nonEmpty("HOME") ?? path`/`;
  const want = (...names: string[]) => {
    for (const name of names) program.content(join(home, fromText(name)));
  };
  const titles = program.titles;
  if (titles.includes(path`zsh`)) {
    want("/etc/zshenv", "/etc/zsh/zshenv", ".zshenv");
    if (isLogin) want("/etc/zprofile", "/etc/zsh/zprofile", ".zprofile", ".zlogin");
    if (isInteractive) want("/etc/zshrc", "/etc/zsh/zshrc", ".zshrc");
    return;
  }
  if (isLogin) want("/etc/profile", ".bash_profile", ".bash_login", ".profile");
  if (isLogin && isInteractive) program.listing(path`/etc/profile.d`);
  if (!titles.includes(path`bash`)) {
    const file = program.nonEmpty("ENV");
    if (isInteractive && file !== undefined) program.content(file);
  } else if (isInteractive) {
    want("/etc/bash.bashrc", "/etc/bashrc", ".bashrc", ".inputrc", "/etc/inputrc", ".bash_history");
  } else if (program.nonEmpty("BASH_ENV") !== undefined) program.content(program.variable("BASH_ENV")!);
}

/** `args`: $0 and what follows. */
function runText(program: Program, text: ByteString, args: readonly ByteString[]): void {
  const parameter = (name: string) => /^\d+$/.test(name) ? args[Number(name)] : program.variable(name);
  const seen = new Set<string>();
  for (const command of scanCommands(text, { parameter, args: args.slice(1) })) {
    const words = withoutPrefix(command);
    const [name, argument] = words;
    if (name === undefined) continue;
    if ((name === "." || name === "source") && argument?.includes("/")) program.content(argument);
    const key = words.join("\0");
    if (builtIn.has(name) || seen.has(key) || seen.size >= MAX_COMMANDS) continue;
    seen.add(key);
    program.executeByName(words);
  }
}

/** `exec`, `command` and `eval` run what follows, after options of their own. */
function withoutPrefix(command: readonly ByteString[]): readonly ByteString[] {
  let words = command;
  while (words.length > 1 && /^(exec|command|builtin|eval)$/.test(words[0])) {
    words = words.slice(1);
    while (words[0]?.startsWith("-")) words = words.slice(words[0] === "-a" ? 2 : 1);
  }
  return words;
}
