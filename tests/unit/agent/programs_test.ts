import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { Programs } from "../../../lib/agent/programs.ts";
import { FMODE_EXEC } from "../../../lib/fuse/mod.ts";
import {
  AT_FDCWD,
  bindNow,
  close,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openAt,
  readAtAsync,
} from "../../../lib/linux/mod.ts";
import { decodeOpen, decodeStarted, FileNote, FileOp, type Started } from "../../../lib/protocol/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** A mirror of which a program's start is told, by threads of this machine. */
class Watched implements AsyncDisposable {
  readonly told: Started[] = [];
  readonly proc = openAt(AT_FDCWD, fromText("/proc"), O_PATH | O_DIRECTORY);
  readonly fixture: Fixture;

  constructor() {
    const notify = (op: number, body: Uint8Array) => {
      assert.equal(op, FileNote.STARTED);
      this.told.push(decodeStarted(body));
    };
    const programs = new Programs({ connection: { notify } as never, proc: this.proc, readAsync: readAtAsync });
    this.fixture = new Fixture({ programs });
    this.fixture.make({ "bin/tool": "", "bin/other": "", "data": "" });
  }

  /** As a thread of process `pid` does. */
  async open(name: string, pid: number, flags = O_RDONLY): Promise<void> {
    await this.fixture.mirror.open(await this.fixture.walk(name), flags, { ...caller, pid });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    close(this.proc);
    await this.fixture[Symbol.asyncDispose]();
  }
}

Deno.test("Programs tells of a program before its file is asked for, and with its arguments when it runs", async () => {
  await using started = new Watched();
  const { fixture, told } = started;
  const cwd = Deno.realPathSync(fixture.path);
  const path = Deno.realPathSync("/bin/sleep");
  const child = new Deno.Command(path, { args: ["60"], cwd }).spawn();
  try {
    let asked = -1;
    fixture.intercept = ({ op }) => {
      if (op === FileOp.OPEN && asked < 0) asked = told.length;
      return false;
    };
    await started.open("bin/tool", child.pid, FMODE_EXEC);
    assert.deepEqual([told, asked], [[{ path: "/bin/tool" }], 1]);
    // Its loader is opened to be executed, too.
    await started.open("bin/other", child.pid, FMODE_EXEC);
    await started.open("data", process.pid);
    assert.deepEqual(told.length, 2, "another thread says nothing of this one");
    await started.open("data", child.pid);
    await waitUntil(() => told.length === 3, { timeoutMs: 5000, failure: "not told that it runs" });
    assert.deepEqual(told[2], { path, running: { argv: [path, "60"], cwd } });
    await started.open("bin/tool", child.pid);
    assert.equal(told.length, 3);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
});

Deno.test("Programs tells of one program a few times only, and of its file once", async () => {
  await using started = new Watched();
  const { told } = started;
  for (let i = 0; i < 10; i++) {
    await started.open("bin/tool", process.pid, FMODE_EXEC);
    await started.open("data", process.pid);
  }
  await waitUntil(() => told.length >= 5, { timeoutMs: 5000, failure: "not told" });
  assert.deepEqual(told.map(({ running }) => running !== undefined), [false, true, true, true, true]);
});

Deno.test("Programs tells nothing of a thread that is gone, and the file opens all the same", async () => {
  await using started = new Watched();
  const child = new Deno.Command("true").spawn();
  await child.status;
  await started.open("bin/tool", child.pid, FMODE_EXEC);
  await started.open("data", child.pid);
  assert.deepEqual(started.told.map(({ path }) => path), ["/bin/tool"]);
});

Deno.test("open() does not pass on that a file is to be executed", async () => {
  await using started = new Watched();
  const flags: number[] = [];
  const { fixture } = started;
  fixture.intercept = ({ op, body }) => {
    if (op === FileOp.OPEN) flags.push(decodeOpen(body).flags);
    return false;
  };
  await fixture.mirror.open((await fixture.lookup(ROOT, "data")).nodeId, FMODE_EXEC | O_RDONLY, caller);
  assert.deepEqual(flags.map((value) => value & FMODE_EXEC), [0]);
});
