/**
 * Splits `text` into words as a shell does, quotes and backslashes included, and expands nothing. Undefined when a
 * quote is not closed or a backslash is the last character.
 */
export function splitWords(text: string): string[] | undefined {
  const piece = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|(\s+)/y;
  const words: string[] = [];
  let word: string | undefined;
  for (let match; piece.lastIndex < text.length;) {
    if ((match = piece.exec(text)) === null) return undefined;
    const [, single, double, escaped, plain, blank] = match;
    if (blank === undefined) {
      word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain);
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}
