import assert from "node:assert/strict";
import { Logger, Progress, Screen, Timeline } from "../../../lib/log/mod.ts";

function recorder(terminal: boolean, colour = false, columns = 80) {
  const decoder = new TextDecoder();
  const seen = { text: "" };
  const sink = {
    terminal,
    colour,
    columns: () => columns,
    write: (b: Uint8Array) => void (seen.text += decoder.decode(b)),
  };
  return { seen, screen: new Screen(sink) };
}

Deno.test("Logger writes plain lines off a terminal, and debug lines only when asked", () => {
  const { seen, screen } = recorder(false);
  const log = new Logger(screen, () => 12.4);
  log.debug("hidden");
  log.error("Cannot x");
  log.configure({ role: "agent", debug: true });
  log.debug("shown");
  assert.equal(seen.text, "outrun: Cannot x\noutrun:     12 ms agent: shown\n");
});

Deno.test("Logger ends lines in CR LF on a terminal and colours only where allowed", () => {
  const plain = recorder(true);
  new Logger(plain.screen).warn("a");
  assert.equal(plain.seen.text, "outrun: a\r\n");
  const coloured = recorder(true, true);
  new Logger(coloured.screen).error("a");
  assert.equal(coloured.seen.text, "\x1b[31moutrun:\x1b[0m a\r\n");
});

Deno.test("Screen.bytes() doubles no carriage return", () => {
  const { seen, screen } = recorder(true);
  screen.bytes(new TextEncoder().encode("a\r\nb\n"));
  assert.equal(seen.text, "a\r\nb\r\n");
});

Deno.test("Screen.line() lifts the status line out of the way and draws it again", () => {
  const { seen, screen } = recorder(true);
  screen.status("busy");
  screen.line("hello");
  screen.status("");
  assert.equal(seen.text, "busy\r    \rhello\r\nbusy\r    \r");
});

Deno.test("Progress draws bar, bytes and rate at most ten times a second and leaves nothing", () => {
  const { seen, screen } = recorder(true, false, 60);
  let now = 0;
  const progress = new Progress({ label: "copying", total: 40e6, from: 10e6, screen, now: () => now });
  now = 1000;
  progress.update(20e6);
  assert.match(seen.text, /^outrun: copying \[#+-+\] 20\.0 of 40\.0 MB, 10\.0 MB\/s$/);
  assert.ok(seen.text.length < 60, seen.text);
  const once = seen.text;
  now = 1099;
  progress.update(21e6);
  assert.equal(seen.text, once);
  progress.done();
  assert.equal(seen.text, `${once}\r${" ".repeat(once.length)}\r`);
});

Deno.test("Progress is silent off a terminal", () => {
  const { seen, screen } = recorder(false);
  const progress = new Progress({ label: "copying", total: 40e6, screen });
  progress.update(1);
  progress.done();
  assert.equal(seen.text, "");
});

Deno.test("Progress leaves the bar out on a narrow terminal and never wraps", () => {
  const { seen, screen } = recorder(true, false, 30);
  let now = 0;
  const progress = new Progress({ label: "copying a long name", total: 40e6, screen, now: () => now });
  progress.update(1);
  assert.equal(seen.text, "");
  now = 100;
  progress.update(1);
  assert.equal(seen.text.length, 29);
});

Deno.test("Timeline tells when each step was, and how long after the one before, in the debug log only", () => {
  const { seen, screen } = recorder(false);
  const log = new Logger(screen, () => 345);
  const times = [21.4, 28.3, 258];
  const timeline = new Timeline(() => times.shift()!);
  for (const what of ["arguments read", "ssh started", "agent heard"]) timeline.mark(what);
  timeline.tell(log);
  assert.equal(seen.text, "");
  log.configure({ role: "local", debug: true });
  timeline.tell(log);
  assert.equal(
    seen.text,
    "outrun:    345 ms local: timeline, in ms:\n" +
      "      21    +21  arguments read\n" +
      "      28     +7  ssh started\n" +
      "     258   +230  agent heard\n",
  );
});
