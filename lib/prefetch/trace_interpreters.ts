import type { ByteString } from "../bytes/mod.ts";
import { optionName } from "./trace_arguments.ts";

/** What an interpreter was told to run, which is the real program. */
export interface Script {
  /** "none": whatever comes on stdin, or from a terminal. */
  readonly kind: "file" | "module" | "code" | "none";
  /** As it was given: a path, a name, or the code itself. */
  readonly value: ByteString;
  /** Names of the interpreter's own options. */
  readonly options: readonly string[];
  /** The script's own arguments. */
  readonly args: readonly ByteString[];
}

/**
 * How an interpreter reads its arguments: its first one that is no option, nor an option's value, says what it runs.
 * Letters are those of options with one dash, which can stand together.
 */
interface Interpreter {
  /** Base names of executables. */
  readonly names: RegExp;
  /** What the argument is when no option says otherwise. */
  readonly runs?: "file" | "module";
  /** Options that make it code, or the name of a module, or a file. */
  readonly code?: { readonly letters?: string; readonly long?: RegExp };
  readonly module?: { readonly letters?: string; readonly long?: RegExp };
  readonly file?: { readonly long: RegExp };
  /** Options with a value, which is the next argument unless it is attached. */
  readonly values?: { readonly letters?: string; readonly long?: RegExp };
  /** Options with a value that is always attached, if there is one. */
  readonly attached?: string;
  /** Options of one dash are words, not letters. */
  readonly oneDash?: true;
}

const interpreters: readonly Interpreter[] = [
  {
    names: /^(python|pypy)[0-9.]*$/,
    code: { letters: "c" },
    module: { letters: "m" },
    values: { letters: "WXQ", long: /^--check-hash-based-pycs$/ },
  },
  { names: /^perl[0-9.]*$/, code: { letters: "eE" }, values: { letters: "I" }, attached: "CDFMVdimx" },
  { names: /^ruby[0-9.]*$/, code: { letters: "e" }, values: { letters: "CEIr" }, attached: "FKTWix" },
  { names: /^(php|lua)[0-9.]*$/, code: { letters: "re" }, values: { letters: "cdl" } },
  { names: /^(a|ba|da|k|mk|z)?sh$/, code: { letters: "c" }, values: { letters: "oO", long: /^--(rcfile|init-file)$/ } },
  {
    names: /^node(js)?$/,
    code: { letters: "ep", long: /^--(eval|print)$/ },
    values: { letters: "Cr", long: /^--(require|import|loader|experimental-loader|conditions)$/ },
  },
  {
    names: /^java$/,
    oneDash: true,
    runs: "module",
    module: { long: /^(-m|--module)$/ },
    file: { long: /^-jar$/ },
    values: {
      long:
        /^(-cp|-classpath|--class-path|-p|--module-path|--upgrade-module-path|--add-(modules|opens|exports|reads))$/,
    },
  },
];

/** What the executable of that base name runs when it is given `args`; undefined unless it is an interpreter. */
export function findScript(baseName: string, args: readonly ByteString[]): Script | undefined {
  const interpreter = interpreters.find(({ names }) => names.test(baseName));
  if (interpreter === undefined) return undefined;
  const options = new Set<string>();
  let kind: Script["kind"] = interpreter.runs ?? "file";
  let at = 0;
  for (; at < args.length && /^[-+]./.test(args[at]); at++) {
    const arg = args[at];
    if (arg === "--") {
      at++;
      break;
    }
    options.add(optionName(arg));
    const meaning = meaningOf(arg, interpreter);
    if (meaning === "value") at++;
    else kind = meaning ?? kind;
  }
  const value = args[at];
  if (value === undefined || value === "-") kind = "none";
  return { kind, value: value ?? "" as ByteString, options: [...options].sort(), args: args.slice(at + 1) };
}

/** What an option says of the arguments after it: that the next is its value, or what the first one to run is. */
function meaningOf(arg: ByteString, interpreter: Interpreter): "code" | "module" | "file" | "value" | undefined {
  const { code, module, file, values, attached, oneDash } = interpreter;
  if (arg.startsWith("--") || oneDash) {
    if (values?.long?.test(arg)) return "value";
    if (code?.long?.test(arg)) return "code";
    if (module?.long?.test(arg)) return "module";
    return file?.long.test(arg) ? "file" : undefined;
  }
  for (const [index, letter] of [...arg].entries()) {
    if (index === 0) continue;
    if (code?.letters?.includes(letter)) return "code";
    if (module?.letters?.includes(letter)) return "module";
    if (values?.letters?.includes(letter)) return index === arg.length - 1 ? "value" : undefined;
    if (attached?.includes(letter)) return undefined;
  }
  return undefined;
}
