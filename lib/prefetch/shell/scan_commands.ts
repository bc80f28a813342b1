import type { ByteString } from "../../bytes/mod.ts";

export interface ScanOptions {
  /** The value of a parameter ("HOME", "1", "0"); undefined where nobody knows. */
  readonly parameter: (name: string) => ByteString | undefined;
  /** What "$@" stands for. */
  readonly args: readonly ByteString[];
}

/** Text and commands that are looked at. */
const MAX_TEXT = 1 << 16;
const MAX_COMMANDS = 200;
const MAX_NESTING = 8;
/** Characters in which the end of a substitution is looked for. */
const MAX_SPAN = 4096;

const reserved = /^(?:if|then|else|elif|fi|while|until|do|done|esac|time|coproc|!|\{|\}|\[\[)$/;
/** Anything else is the scanner's mistake. */
const commandName = /^[\w./+@:[][\w./+@:-]*$/;
const assignment = /^[A-Za-z_]\w*=/;

/**
 * The simple commands of a shell script, in the order of the text, with their words expanded as far as that can be done
 * without running anything: quotes, parameters, "$@". A word that depends on more is left out, and a command whose first
 * word does. Neither conditions nor loops are followed.
 */
export function scanCommands(text: ByteString, options: ScanOptions): ByteString[][] {
  const scanner = new Scanner(text.slice(0, MAX_TEXT), options);
  scanner.scan();
  return scanner.commands.filter(([name]) => commandName.test(name) && !scanner.functions.has(name));
}

/** A word under way: its text, or undefined where that is not known. */
type Word = string | undefined;

class Scanner {
  readonly commands: ByteString[][] = [];
  readonly functions = new Set<string>();
  readonly #text: string;
  readonly #options: ScanOptions;
  readonly #nesting: number;
  readonly #variables = new Map<string, Word>();
  #at = 0;
  #words: Word[] = [];
  /** Parentheses that are open. */
  #depth = 0;
  /** Within a `case`, before a pattern. */
  #isPattern = false;
  /** Delimiters of here-documents that begin on the next line. */
  #documents: string[] = [];

  constructor(text: string, options: ScanOptions, nesting = 0) {
    this.#text = text;
    this.#options = options;
    this.#nesting = nesting;
  }

  scan(): void {
    while (this.#at < this.#text.length && this.commands.length < MAX_COMMANDS) {
      const char = this.#text[this.#at];
      if (char === "#") this.#skipLine();
      else if (char === "\n") this.#endLine();
      else if (/\s/.test(char)) this.#at++;
      else if (this.#isPattern) this.#skipPattern();
      else if (char === "<" || char === ">") this.#skipRedirection();
      else if (";&|()".includes(char)) this.#endCommand(char);
      else this.#takeWord();
    }
    this.#finish();
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #endLine(): void {
    this.#finish();
    this.#at++;
    for (const delimiter of this.#documents) {
      let line: string;
      do {
        const start = this.#at;
        this.#skipLine();
        line = this.#text.slice(start, this.#at++);
      } while (line.trimStart() !== delimiter && this.#at < this.#text.length);
    }
    this.#documents = [];
  }

  /** The rest of `a | b)`; or `esac`, which ends them. */
  #skipPattern(): void {
    this.#isPattern = false;
    if (/^esac\b/.test(this.#text.slice(this.#at, this.#at + 5))) return;
    const end = this.#text.indexOf(")", this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
  }

  /** `name()` begins a function; a closing parenthesis that was not opened ends the first pattern of a `case`. */
  #endCommand(char: string): void {
    if (char === "(") {
      this.#depth++;
      if (this.#words.length === 1 && this.#words[0] !== undefined) this.functions.add(this.#words[0]);
      this.#words = [];
    } else if (char === ")" && this.#depth === 0) this.#words = [];
    else this.#finish();
    if (char === ")" && this.#depth > 0) this.#depth--;
    if (/^;[;&]/.test(this.#text.slice(this.#at, this.#at + 2))) {
      this.#isPattern = true;
      this.#at++;
    }
    this.#at++;
  }

  #finish(): void {
    let words = this.#words;
    this.#words = [];
    while (words[0] !== undefined && reserved.test(words[0])) words = words.slice(1);
    if (words[0] === "case") this.#isPattern = true;
    if (words[0] === undefined || /^(?:case|for|function|select)$/.test(words[0])) return;
    const start = words.findIndex((word) => word === undefined || !assignment.test(word));
    if (start < 0) this.#assign(words);
    const name = words[start];
    if (name === undefined) return;
    if (/^(?:export|local|readonly)$/.test(name)) this.#assign(words.slice(start + 1));
    else this.commands.push(words.slice(start).filter((word) => word !== undefined) as ByteString[]);
  }

  #assign(words: Word[]): void {
    for (const word of words) {
      const [, name, value] = /^(\w+)=([^]*)$/.exec(word ?? "") ?? [];
      if (name !== undefined) this.#variables.set(name, value);
    }
  }

  /** `2>&1`, `>> file`, `<<- EOF`: the operator and its word are no words of the command. */
  #skipRedirection(): void {
    const [operator] = /^(?:<<<|<<-?|[<>]\(|[<>][>&|]?)/.exec(this.#text.slice(this.#at, this.#at + 3)) ?? ["<"];
    this.#at += operator.length;
    if (operator.endsWith("(")) return;
    while (this.#text[this.#at] === " ") this.#at++;
    const words = this.#words;
    this.#words = [];
    this.#takeWord();
    const [target] = this.#words;
    if (operator.startsWith("<<") && operator !== "<<<" && target) this.#documents.push(target);
    this.#words = words;
  }

  /** One word up to the next blank or operator; "$@" makes many of it. */
  #takeWord(): void {
    let word: Word = "";
    let isQuoted = false;
    const add = (part: Word) => word = word === undefined || part === undefined ? undefined : word + part;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at];
      if (char === '"') isQuoted = !isQuoted;
      else if (!isQuoted && /[\s;&|()<>]/.test(char)) break;
      else if (!isQuoted && char === "'") {
        const end = this.#text.indexOf("'", this.#at + 1);
        add(this.#text.slice(this.#at + 1, end < 0 ? this.#text.length : end));
        this.#at = end < 0 ? this.#text.length : end;
      } else if (char === "\\") {
        const next = this.#text[++this.#at] ?? "";
        if (next !== "\n") add(next);
      } else if (/^\$[@*]/.test(this.#text.slice(this.#at, this.#at + 2)) && word === "") {
        this.#words.push(...this.#options.args);
        this.#at++;
        add(undefined);
      } else if (char === "$" || char === "`") {
        add(this.#expansion());
        continue;
      } else if (!isQuoted && /[*?[]/.test(char) && word !== "" && word !== undefined) add(undefined);
      else add(char);
      this.#at++;
    }
    if (/^\d+$/.test(word ?? "") && /[<>]/.test(this.#text[this.#at] ?? "")) return;
    this.#words.push(word);
  }

  /** `$name`, `${name}`, `${name:-default}`; commands in `$(…)` or backquotes are commands too. */
  #expansion(): Word {
    const rest = this.#text.slice(this.#at, this.#at + 256);
    const [whole, name, braced, fallback] = /^\$(?:(\w+)|\{(\w+)(?::?-([^{}$`"']*))?\})/.exec(rest) ?? [];
    if (whole !== undefined) {
      this.#at += whole.length;
      const key = name ?? braced;
      return (this.#variables.has(key) ? this.#variables.get(key) : this.#options.parameter(key)) ?? fallback;
    }
    if (rest.startsWith("`")) this.#nested(this.#at + 1, this.#text.indexOf("`", this.#at + 1));
    else if (rest.startsWith("$(")) this.#nested(this.#at + 2, this.#closing(this.#at + 1, "()"));
    else if (rest.startsWith("${")) this.#at = Math.max(this.#at + 2, this.#closing(this.#at + 1, "{}") + 1);
    else {
      this.#at++;
      return "$";
    }
    return undefined;
  }

  #nested(start: number, end: number): void {
    const stop = end < 0 ? this.#text.length : end;
    this.#at = stop + 1;
    if (this.#nesting >= MAX_NESTING) return;
    const inner = new Scanner(this.#text.slice(start, stop), this.#options, this.#nesting + 1);
    inner.scan();
    this.commands.push(...inner.commands);
  }

  /** Where the bracket at `start` is closed, or -1. */
  #closing(start: number, [open, close]: string): number {
    let depth = 0;
    for (let at = start; at < Math.min(this.#text.length, start + MAX_SPAN); at++) {
      if (this.#text[at] === open) depth++;
      else if (this.#text[at] === close && --depth === 0) return at;
    }
    return -1;
  }
}
