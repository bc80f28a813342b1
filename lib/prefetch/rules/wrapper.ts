import type { ByteString } from "../../bytes/mod.ts";
import { join } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** How a program that runs another one reads its arguments. */
interface Wrapper {
  /** Short options that take a value, as letters; and long ones, whose value may also follow after "=". */
  readonly short?: string;
  readonly long?: readonly string[];
  /** Arguments before the command. */
  readonly operands?: number;
}

const table: Readonly<Record<string, Wrapper>> = {
  env: { short: "uCS", long: ["unset", "chdir", "split-string"] },
  chroot: { long: ["groups", "userspec"], operands: 1 },
  chrt: { short: "TPD", operands: 1 },
  flock: { short: "wE", long: ["timeout", "conflict-exit-code"], operands: 1 },
  ionice: { short: "cn", long: ["class", "classdata"] },
  nice: { short: "n", long: ["adjustment"] },
  nohup: {},
  numactl: { short: "miNClpP", long: ["membind", "interleave", "cpunodebind", "physcpubind", "preferred"] },
  setpriv: {
    long: ["reuid", "regid", "groups", "inh-caps", "ambient-caps", "bounding-set", "securebits", "pdeathsig"],
  },
  setsid: {},
  stdbuf: { short: "ioe", long: ["input", "output", "error"] },
  strace: { short: "aeEIoOpPsSuUX" },
  taskset: { operands: 1 },
  time: { short: "fo", long: ["format", "output"] },
  timeout: { short: "ks", long: ["kill-after", "signal"], operands: 1 },
  xargs: { short: "adEILnPs", long: ["arg-file", "delimiter", "max-args", "max-procs", "max-chars", "max-lines"] },
};

/** A program that executes what follows in its arguments. */
export const wrapperRule: Rule = {
  name: "wrapper",

  applies(program: Program): boolean {
    return program.titles.some((title) => Object.hasOwn(table, title));
  },

  plan(program: Program): void {
    const title = program.titles.find((title) => Object.hasOwn(table, title))!;
    if (title === "env") planEnv(program);
    else program.executeByName(commandOf(table[title], program.argv.slice(1)));
  },
};

/** What is left after the wrapper's own options and operands. */
function commandOf(wrapper: Wrapper, args: readonly ByteString[]): readonly ByteString[] {
  let at = 0;
  while (at < args.length && /^-./.test(args[at])) {
    const arg = args[at++];
    if (arg === "--") break;
    if (takesNext(wrapper, arg)) at++;
  }
  return args.slice(at + (wrapper.operands ?? 0));
}

/** Whether the option's value is the next argument. */
function takesNext({ short = "", long = [] }: Wrapper, option: ByteString): boolean {
  if (option.startsWith("--")) return long.includes(option.slice(2));
  const first = [...option.slice(1)].findIndex((letter) => short.includes(letter));
  return first >= 0 && first === option.length - 2;
}

/** env(1) changes the environment and the directory, and splits the one argument that a script's first line can give. */
function planEnv(program: Program): void {
  const args = program.argv.slice(1);
  let { env, cwd } = program;
  while (args.length > 0) {
    const arg = args.shift()!;
    const [, option, attached] = /^-(?:-(?=\w))?(v*S|split-string|C|chdir|u|unset)=?(.*)$/s.exec(arg) ?? [];
    const value = () => (attached || args.shift() || "") as ByteString;
    if (arg === "-" || arg === "-i" || arg === "--ignore-environment") env = [];
    else if (option === "C" || option === "chdir") cwd = join(cwd, value());
    else if (option === "u" || option === "unset") env = without(env, value());
    else if (option !== undefined) args.unshift(...splitWords(value()));
    else if (/^[^-=][^=]*=/.test(arg)) env = [...without(env, arg.slice(0, arg.indexOf("="))), arg];
    else if (arg === "--" || !arg.startsWith("-")) {
      if (arg !== "--") args.unshift(arg);
      break;
    }
  }
  // env searches with the PATH that it sets.
  const file = args.length === 0 ? undefined : program.with({ env, cwd }).search(args[0]);
  if (file !== undefined) program.execute({ path: file, argv: args, env, cwd });
}

function without(env: readonly ByteString[], name: string): readonly ByteString[] {
  return env.filter((entry) => !entry.startsWith(`${name}=`));
}

/** Words as `env -S` cuts them; quotes keep blanks together, other escapes stay as they are. */
export function splitWords(text: ByteString): ByteString[] {
  const words = text.match(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2") as ByteString);
}
