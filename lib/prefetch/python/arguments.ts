import type { ByteString } from "../../bytes/mod.ts";
import { path } from "../paths.ts";

/** What a Python interpreter is told to run, and how. */
export interface PythonArguments {
  /** undefined: nothing, it reads its input. */
  readonly kind: "command" | "module" | "script" | undefined;
  /** Source text, the module's name, or the script's path. */
  readonly target: ByteString;
  /** -E or -I: PYTHON* variables are not heeded. */
  readonly ignoreEnvironment: boolean;
  /** -s or -I: no packages of the user's. */
  readonly noUserSite: boolean;
  /** -S */
  readonly noSite: boolean;
  /** -P or -I: the script's folder is not searched. */
  readonly safePath: boolean;
  /** How often -O is given. */
  readonly optimize: number;
}

/** Options whose value is the rest of the argument, or the next one. */
const WITH_VALUE = "WXQ";

/** Reads `python3 -I -m name …` (`Python/getopt.c`). */
export function readPythonArguments(argv: readonly ByteString[]): PythonArguments {
  const flags = new Set<string>();
  let optimize = 0;
  const result = (kind: PythonArguments["kind"], target: ByteString): PythonArguments => ({
    kind,
    target,
    ignoreEnvironment: flags.has("E") || flags.has("I"),
    noUserSite: flags.has("s") || flags.has("I"),
    noSite: flags.has("S"),
    safePath: flags.has("P") || flags.has("I"),
    optimize,
  });
  for (let at = 1; at < argv.length; at++) {
    const arg = argv[at];
    if (arg === "-") break;
    if (arg === "--check-hash-based-pycs") at++;
    else if (!arg.startsWith("-")) return result("script", arg);
    else if (!arg.startsWith("--")) {
      for (let i = 1; i < arg.length; i++) {
        const rest = (arg.slice(i + 1) || (argv[at + 1] ?? "")) as ByteString;
        if (arg[i] === "c") return result("command", rest);
        if (arg[i] === "m") return result("module", rest);
        if (WITH_VALUE.includes(arg[i])) {
          if (i === arg.length - 1) at++;
          break;
        }
        if (arg[i] === "O") optimize++;
        flags.add(arg[i]);
      }
    }
  }
  return result(undefined, path``);
}
