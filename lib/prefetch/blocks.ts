/** Lines up from a statement to the beginning of the outermost block around it. */
const MAX_LINES = 2000;

/**
 * Whether one of the blocks around the line of `source` that begins at `start` has a first line that one of `headers`
 * matches. Blocks are told by their indentation, as people set code in every language.
 */
export function isInside(headers: readonly RegExp[], source: string, start: number): boolean {
  let depth = indentation(source, start);
  let line = start;
  for (let count = 0; depth > 0 && line > 0 && count < MAX_LINES; count++) {
    line = source.lastIndexOf("\n", line - 2) + 1;
    const indent = indentation(source, line);
    if (indent >= depth) continue;
    const end = source.indexOf("\n", line);
    const header = source.slice(line, end);
    if (header.trim() === "" || header.trimStart().startsWith("#")) continue;
    if (headers.some((wanted) => wanted.test(header))) return true;
    depth = indent;
  }
  return false;
}

/** Blanks and tabs at the beginning of a line; a tab counts for eight. */
function indentation(source: string, line: number): number {
  let width = 0;
  for (let at = line;; at++) {
    if (source[at] === " ") width++;
    else if (source[at] === "\t") width += 8 - width % 8;
    else return width;
  }
}
