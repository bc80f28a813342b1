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
import {
  decodeOpen,
  decodeSearched,
  decodeStarted,
  FileNote,
  FileOp,
  MAX_SEARCHES,
  type Started,
} from "../../../lib/protocol/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

// Loaded here, it is not taken for a leak of the first test.
bindNow();

/** A mirror of which a program's search and start are told, by threads of this machine. */
class Watched implements AsyncDisposable {
  readonly told: Started[] = [];
  readonly proc = openAt(AT_FDCWD, fromText("/proc"), O_PATH | O_DIRECTORY);
  readonly programs: Programs;
  readonly fixture: Fixture;

  constructor() {
    const notify = (op: number, body: Uint8Array) => {
      this.fixture.bridge.agent.notify(op, body);
      if (op === FileNote.SEARCHED) return;
      assert.equal(op, FileNote.STARTED);
      this.told.push(decodeStarted(body));
    };
    const env = ["X=/", "PATH=/none:bin:/bin/:/deep/bin::/usr", "PATH=/data"].map(fromText);
    const connection = { notify } as never;
    this.programs = new Programs({ connection, proc: this.proc, readAsync: readAtAsync, env });
    this.fixture = new Fixture({ programs: this.programs, leases: true });
    this.fixture.make({ "bin/tool": "", "bin/other": "", "deep/bin/tool": "", "data": "" });
  }

  /** Names that the local side was told to be searched. */
  get searched(): string[] {
    return this.fixture.notes.filter(({ op }) => op === FileNote.SEARCHED).map(({ body }) => decodeSearched(body).name);
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

Deno.test("Programs tells of a search before the name is asked for, once, and of names in the directories of PATH only", async () => {
  await using started = new Watched();
  const { fixture } = started;
  await fixture.walk("deep/bin");
  await fixture.walk("data");
  assert.deepEqual(started.searched, [], "what leads there, and other files");
  let toldBefore: string[] | undefined;
  fixture.intercept = ({ op }) => {
    if (op === FileOp.LOOKUP) toldBefore ??= started.searched;
    return false;
  };
  const [bin, deep] = [await fixture.walk("bin"), await fixture.walk("deep/bin")];
  toldBefore = undefined;
  await fixture.lookup(bin, "none");
  assert.deepEqual(toldBefore, ["none"]);
  await fixture.lookup(deep, "none");
  fixture.pass();
  await fixture.lookup(bin, "none");
  assert.deepEqual(started.searched, ["none"]);
  await fixture.lookup(deep, "tool");
  assert.deepEqual(started.searched, ["none", "tool"]);
});

Deno.test("Programs tells of no search for a name that was told ahead", async () => {
  await using started = new Watched();
  const { fixture } = started;
  await new Promise((resolve) => setTimeout(resolve));
  fixture.tell(fixture.pack("/bin/tool", "/bin/none"));
  const bin = await fixture.walk("bin");
  for (const name of ["tool", "none"]) await fixture.lookup(bin, name);
  assert.deepEqual(started.searched, []);
  assert.equal(fixture.count(FileOp.LOOKUP), 0);
});

Deno.test("Programs tells of so many searches only", async () => {
  await using started = new Watched();
  const { fixture } = started;
  const bin = fixture.mirror.tree.node(await fixture.walk("bin"));
  for (let i = 0; i <= MAX_SEARCHES; i++) started.programs.lookedUp(bin, fromText(`none${i}`));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(started.searched.length, MAX_SEARCHES);
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
