/** The program that makes system calls, on this machine; and the other architecture's, where qemu-user is at hand. */
import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { CallList, type Outcome } from "../../../lib/agent/command/call_list.ts";
import { CONTROL, MEMORY, MEMORY_SIZE, runnerProgram } from "../../../lib/agent/command/runner_program.ts";
import {
  architectures,
  AT_FDCWD,
  bindNow,
  childState,
  close,
  Errno,
  makeMemoryFile,
  makeSocketPair,
  O_RDONLY,
  readAt,
  receiveMessage,
  sendMessage,
  spawn,
  truncateFd,
  unwrap,
  writeAt,
} from "../../../lib/linux/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";

type Name = keyof typeof architectures;

bindNow();

/** A runner, and this end of it. */
class Running implements Disposable {
  readonly pid: number;
  readonly #folder = Deno.makeTempDirSync();
  readonly #control: number;
  readonly #memory = unwrap(makeMemoryFile(fromText("test")), "make a memory file");

  constructor(name: Name, emulator: readonly string[]) {
    const path = `${this.#folder}/runner`;
    Deno.writeFileSync(path, runnerProgram(name), { mode: 0o755 });
    const [control, theirs] = makeSocketPair() as readonly [number, number];
    this.#control = control;
    unwrap(truncateFd(this.#memory, MEMORY_SIZE), "make it larger");
    const argv = [...emulator, path].map(fromText);
    const fds = [[0, 0], [1, 1], [2, 2], [theirs, CONTROL], [this.#memory, MEMORY]] as const;
    this.pid = unwrap(spawn(argv[0], { argv, env: [], fds, leads: "group" }), "start it");
    close(theirs);
  }

  make(list: CallList): Outcome {
    unwrap(writeAt(this.#memory, list.encode(), 0), "write the list");
    sendMessage(this.#control, new Uint8Array(1));
    const said = new Uint8Array(8);
    const received = receiveMessage(this.#control, said);
    assert.deepEqual(received, { length: 8, descriptors: [] });
    const memory = new Uint8Array(CallList.outcomeSize);
    unwrap(readAt(this.#memory, memory, 0), "read the results");
    return list.outcome(Number(new DataView(said.buffer).getBigUint64(0, true)), memory);
  }

  hangUp(): void {
    close(this.#control);
  }

  [Symbol.dispose](): void {
    close(this.#memory);
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** What runs another architecture's programs here. */
function emulatorOf(name: Name): readonly string[] | undefined {
  if (name === Deno.build.arch) return [];
  const path = `/usr/bin/qemu-${name}`;
  try {
    Deno.statSync(path);
    return [path];
  } catch {
    return undefined;
  }
}

for (const name of Object.keys(architectures) as Name[]) {
  const emulator = emulatorOf(name);
  const { syscall } = architectures[name];
  const open = (list: CallList, path: string, tolerated?: number | "whatever") =>
    list.call(syscall.openat, [AT_FDCWD, list.string(fromText(path)), O_RDONLY], {
      purpose: `open ${path}`,
      tolerated,
    });

  Deno.test({
    name: `runnerProgram("${name}") makes list after list, each up to what fails, and ends with its socket`,
    ignore: emulator === undefined,
    async fn() {
      using running = new Running(name, emulator!);
      const first = new CallList();
      open(first, "/");
      open(first, "/absent", -Errno.ENOENT);
      open(first, "/absent/too", "whatever");
      first.call(syscall.umask, [0o77], { purpose: "set the mask" });
      first.call(syscall.umask, [0], { purpose: "set the mask" });
      const { results } = running.make(first) as { results: readonly number[] };
      assert.ok(results[0] > MEMORY);
      assert.deepEqual(results.slice(1, 3), [-Errno.ENOENT, -Errno.ENOENT]);
      assert.equal(results[4], 0o77);

      const second = new CallList();
      second.call(syscall.close, [results[0]], { purpose: "close it" });
      open(second, "/absent", -Errno.EACCES);
      second.call(syscall.umask, [0o22], { purpose: "set the mask" });
      const { index, errno, error } = running.make(second) as Outcome & { errno: number; index: number };
      assert.deepEqual([index, errno, error!.message], [1, Errno.ENOENT, "Cannot open /absent: ENOENT"]);

      const third = new CallList();
      third.call(syscall.umask, [0o22], { purpose: "set the mask" });
      assert.deepEqual(running.make(third), { results: [0] });

      running.hangUp();
      await waitUntil(() => {
        const state = childState(running.pid);
        if (state === undefined) return false;
        assert.deepEqual(state, { kind: "exited", status: 254 });
        return true;
      }, { failure: "it stays" });
    },
  });
}

Deno.test("CallList refuses what does not fit", () => {
  const list = new CallList();
  assert.throws(() => list.bytes(new Uint8Array(MEMORY_SIZE)), /arguments and environment are too long/);
  for (let i = 0; i < 126; i++) list.call(0, [], { purpose: "" });
  assert.throws(() => list.call(0, [], { purpose: "" }), RangeError);
});
