import assert from "node:assert/strict";
import { splitWords } from "../../../lib/ssh/words.ts";

Deno.test("splitWords() gives the words that a shell gives", async () => {
  const texts = [
    "",
    "  ",
    "-p 22",
    " -p\t22\n-v ",
    `-i '/a b/key' -o "User x"`,
    `'' "" x''y`,
    String.raw`a\ b \'c\" \\ "\a \$ \" \\ \' "`,
    `'it'\\''s' "it's"`,
    `-o"ProxyCommand=ssh -W %h:%p 'gate'"`,
  ];
  for (const text of texts) {
    const args = ["-c", `printf '%s\\0' ${text.replaceAll("\n", " ")}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
    const expected = text.trim() === "" ? [] : words;
    assert.deepEqual(splitWords(text, "--ssh"), expected, text);
  }
});

Deno.test("splitWords() leaves alone what a shell would expand", () => {
  assert.deepEqual(splitWords("$HOME * ~ `x` a;b #c", "--ssh"), ["$HOME", "*", "~", "`x`", "a;b", "#c"]);
});

Deno.test("splitWords() names the option and the text when a quote is open", () => {
  assert.throws(() => splitWords(`-o "x`, "--ssh"), { message: `Cannot read --ssh "-o \\"x": the " is never closed` });
  assert.throws(() => splitWords("it's", "--ssh"), /--ssh "it's": the ' is never closed/);
  assert.throws(() => splitWords("x\\", "--ssh"), /nothing follows the last backslash/);
});
