import { DialError } from "./dial_error.ts";

/**
 * Splits `text` into words as a POSIX shell does with a line that holds nothing to expand: blanks part words, a
 * backslash and both kinds of quotes keep what they hold (XCU 2.2). `option` names the text in an error.
 */
export function splitWords(text: string, option: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const char = text[at++];
    if (char === "'" || char === '"') {
      const quoted = char === "'" ? singleQuoted(text, at) : doubleQuoted(text, at);
      if (quoted === undefined) throw unbalanced(text, option, `the ${char} is never closed`);
      word = (word ?? "") + quoted.text;
      at = quoted.next;
    } else if (char === "\\") {
      if (at === text.length) throw unbalanced(text, option, "nothing follows the last backslash");
      word = (word ?? "") + text[at++];
    } else if (char === " " || char === "\t" || char === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What quotes held, and the index behind the closing one. */
type Quoted = { text: string; next: number } | undefined;

function singleQuoted(text: string, start: number): Quoted {
  const end = text.indexOf("'", start);
  return end < 0 ? undefined : { text: text.slice(start, end), next: end + 1 };
}

/** Inside double quotes a backslash is one, unless it precedes one of the four that mean something there. */
function doubleQuoted(text: string, start: number): Quoted {
  let inside = "";
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') return { text: inside, next: at + 1 };
    if (text[at] === "\\" && '$`"\\'.includes(text[at + 1] ?? "none")) at++;
    inside += text[at];
  }
  return undefined;
}

function unbalanced(text: string, option: string, reason: string): DialError {
  return new DialError(`Cannot read ${option} ${JSON.stringify(text)}: ${reason}`);
}
