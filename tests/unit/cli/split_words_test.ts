import assert from "node:assert/strict";
import { splitWords } from "../../../lib/cli/split_words.ts";

const cases: [text: string, words: string[] | undefined][] = [
  ["", []],
  [" \t\n ", []],
  ["-p 22  -v\n-4", ["-p", "22", "-v", "-4"]],
  [`-o "ProxyCommand=nc  %h %p"`, ["-o", "ProxyCommand=nc  %h %p"]],
  [`'a "b' "c 'd" e\\ f`, [`a "b`, `c 'd`, "e f"]],
  [`a"b c"'d e'f`, ["ab cd ef"]],
  [`"" '' x`, ["", "", "x"]],
  [`"\\"\\\\\\$\\n" '\\' \\\\`, [`"\\$\\n`, "\\", "\\"]],
  ["$HOME * ~ `x` # y; z", ["$HOME", "*", "~", "`x`", "#", "y;", "z"]],
  ["'open", undefined],
  [`-o "open`, undefined],
  ["end\\", undefined],
];

Deno.test("splitWords() splits as a shell does and expands nothing", () => {
  for (const [text, words] of cases) assert.deepEqual(splitWords(text), words, JSON.stringify(text));
});
