import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { isDying } from "../../../lib/agent/dying.ts";
import { AT_FDCWD, bindNow, close, O_DIRECTORY, O_PATH, openAt, unwrap } from "../../../lib/linux/mod.ts";

/** A folder like /proc, in which thread 7 has this status. */
class Proc {
  readonly #path = Deno.makeTempDirSync({ prefix: "outrun_proc_" });
  readonly fd: number;

  constructor(status: string) {
    Deno.mkdirSync(`${this.#path}/7`);
    Deno.writeTextFileSync(`${this.#path}/7/status`, status);
    this.fd = unwrap(openAt(AT_FDCWD, fromText(this.#path), O_PATH | O_DIRECTORY), "open the folder");
  }

  [Symbol.dispose](): void {
    close(this.fd);
    Deno.removeSync(this.#path, { recursive: true });
  }
}

/** As fs/proc/array.c writes it. */
function status(pending: string, shared: string): string {
  return [
    "Name:\tSigPnd:\t0000000000000100",
    "State:\tD (disk sleep)",
    "SigQ:\t1/95000",
    `SigPnd:\t${pending}`,
    `ShdPnd:\t${shared}`,
    "SigBlk:\tffffffffffffffff",
    "SigIgn:\tffffffffffffffff",
    "",
  ].join("\n");
}

// Loaded here, it is not taken for a leak of the first test.
bindNow();

const none = "0000000000000000";

Deno.test("isDying() is true when SIGKILL is pending for the thread or its process", () => {
  for (
    const [pending, shared] of [["0000000000000100", none], [none, "0000000000000100"], ["ffffffffffffffff", none]]
  ) {
    using proc = new Proc(status(pending, shared));
    assert.equal(isDying(proc.fd, 7), true, `${pending} ${shared}`);
  }
});

Deno.test("isDying() is false for any other signal, whatever the thread's name says", () => {
  for (
    const mask of [
      none,
      "0000000000010000",
      "0000010000000000",
      "00000100000000ff",
      "0000010000000000",
      "0000000000000080",
      "fffffffffffffeff",
    ]
  ) {
    using proc = new Proc(status(mask, mask));
    assert.equal(isDying(proc.fd, 7), false, mask);
  }
});

Deno.test("isDying() is false for a thread that cannot be seen, and for status without signals", () => {
  using proc = new Proc("");
  assert.equal(isDying(proc.fd, 7), false);
  assert.equal(isDying(proc.fd, 8), false);
  assert.equal(isDying(proc.fd, 0), false);
  assert.equal(isDying(-1, 7), false);
});

Deno.test("isDying() reads the kernel's own format", () => {
  const fd = unwrap(openAt(AT_FDCWD, fromText("/proc"), O_PATH | O_DIRECTORY), "open /proc");
  assert.equal(isDying(fd, Deno.pid), false);
  close(fd);
});
