import type { ByteString } from "../../bytes/mod.ts";

/** What a compiler driver is told to do. */
export interface GccArguments {
  /** Files that are compiled, by their language. */
  readonly sources: readonly { readonly file: ByteString; readonly language: "c" | "c++" | "assembler" }[];
  /** -I, -isystem and -iquote, in order. */
  readonly includeFolders: readonly ByteString[];
  /** -L */
  readonly libraryFolders: readonly ByteString[];
  /** -l, without the prefix. */
  readonly libraries: readonly ByteString[];
  /** Output of -o; "a.out" unless given. */
  readonly output: ByteString;
  /** The last step, in order of those steps. */
  readonly until: "preprocess" | "compile" | "assemble" | "link";
  readonly isStatic: boolean;
}

const languages: Readonly<Record<string, "c" | "c++" | "assembler">> = {
  c: "c",
  i: "c",
  C: "c++",
  cc: "c++",
  cpp: "c++",
  cxx: "c++",
  ii: "c++",
  s: "assembler",
  S: "assembler",
};
/** Options whose value is the next argument. */
const withValue =
  /^-(?:o|x|D|U|I|L|l|T|u|z|MF|MT|MQ|include|imacros|isystem|iquote|idirafter|iprefix|isysroot|aux-info|Xlinker|Xassembler|Xpreprocessor|param|arch|-param)$/;

/** Reads a driver's command line. `isPlusPlus`: it takes C for C++. */
export function readGccArguments(argv: readonly ByteString[], isPlusPlus: boolean): GccArguments {
  const sources: { file: ByteString; language: "c" | "c++" | "assembler" }[] = [];
  const values = { include: [] as ByteString[], L: [] as ByteString[], l: [] as ByteString[], o: [] as ByteString[] };
  for (let at = 1; at < argv.length; at++) {
    const arg = argv[at];
    const [, option, attached] = /^-(isystem|iquote|I|L|l|o)(.*)$/s.exec(arg) ?? [];
    if (option !== undefined) {
      const value = (attached || argv[++at] || "") as ByteString;
      values[option === "L" || option === "l" || option === "o" ? option : "include"].push(value);
    } else if (withValue.test(arg)) at++;
    else if (!arg.startsWith("-")) {
      const language = languages[arg.slice(arg.lastIndexOf(".") + 1)];
      if (language !== undefined) {
        sources.push({ file: arg, language: isPlusPlus && language === "c" ? "c++" : language });
      }
    }
  }
  const has = (option: string) => argv.includes(option as ByteString);
  return {
    sources,
    includeFolders: values.include,
    libraryFolders: values.L,
    libraries: values.l,
    output: values.o.at(-1) ?? "a.out" as ByteString,
    until: has("-E") || has("-M") || has("-MM")
      ? "preprocess"
      : has("-S")
      ? "compile"
      : has("-c")
      ? "assemble"
      : "link",
    isStatic: has("-static"),
  };
}
