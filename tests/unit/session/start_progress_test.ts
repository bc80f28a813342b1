import assert from "node:assert/strict";
import { Screen } from "../../../lib/log/mod.ts";
import { StartProgress } from "../../../lib/session/start_progress.ts";

/** A progress line whose clock and bytes the test moves. */
function start(terminal = true) {
  const written: string[] = [];
  const screen = new Screen({
    terminal,
    colour: false,
    columns: () => 80,
    write: (bytes) => written.push(new TextDecoder().decode(bytes)),
  });
  const statistics = { requests: 0, failed: 0, bytesRead: 0, bytesWritten: 0, diskReads: 0, sending: "files" };
  let now = 0;
  const progress = new StartProgress({ statistics, screen, now: () => now });
  const pass = (ms: number, bytes: number) => {
    now += ms;
    statistics.bytesRead += bytes;
    progress.look();
    return written.splice(0).join("");
  };
  return { statistics, progress, written, pass };
}

Deno.test("look() shows nothing of a start that takes less than a second, or sends nothing", () => {
  const { progress, pass } = start();
  assert.equal(pass(5000, 0), "");
  progress.done();
  const other = start();
  assert.equal(other.pass(999, 1_000_000), "");
  other.progress.done();
});

Deno.test("look() shows what is sent, how much and how fast, and done() takes it away", () => {
  const { statistics, progress, written, pass } = start();
  statistics.sending = "libx.so";
  assert.equal(pass(2000, 5_000_000), "outrun: sending libx.so: 5.0 MB, 2.5 MB/s");
  progress.done();
  assert.match(written.splice(0).join(""), /^\r +\r$/);
  assert.equal(pass(2000, 5_000_000), "");
});

Deno.test("look() takes the line away for good when nothing was sent for a second", () => {
  const { pass } = start();
  assert.notEqual(pass(2000, 5_000_000), "");
  assert.match(pass(900, 0), /sending files: 5\.0 MB, 1\.7 MB\/s$/);
  assert.match(pass(200, 0), /^\r +\r$/);
  assert.equal(pass(100, 5_000_000), "");
});

Deno.test("look() shows nothing where stderr is no terminal", () => {
  const { progress, pass } = start(false);
  assert.equal(pass(5000, 5_000_000), "");
  progress.done();
});
