/**
 * Run by terminal_test.ts on a terminal: says on stderr, line by line, what it sees, and goes on at each key.
 *
 * @module
 */
import { LocalTerminal } from "../../../lib/session/terminal.ts";

async function say(line: string): Promise<void> {
  await Deno.stderr.write(new TextEncoder().encode(`${line}\n`));
}

const key = new Uint8Array(1);
const terminal = LocalTerminal.open();
if (terminal === undefined) {
  await say("none");
} else {
  const { window, termios } = terminal.describe();
  await say(JSON.stringify({ window, termios: [...termios] }));
  await Deno.stdin.read(key);
  terminal.restore();
  await say("kept");
  await Deno.stdin.read(key);
  terminal.enterRaw();
  await say("raw");
  await Deno.stdin.read(key);
  await say(JSON.stringify(terminal.window()));
  terminal.restore();
  await say("restored");
}
