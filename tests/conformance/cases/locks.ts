import { O_CREAT, O_RDONLY, O_RDWR } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { type Case, kernel, type Play } from "../scene.ts";
import { put } from "./names.ts";

const [LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN] = [1, 2, 4, 8];
const all = { start: 0, length: 0 } as const;

/** Locks are kept by a kernel. */
function locks(play: Play): Case {
  return kernel("locks", play);
}

async function open(os: Calls): Promise<number> {
  return await os.open("file", O_RDWR | O_CREAT, 0o644);
}

/** Long enough for a call to have begun to wait. */
async function aWhile(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

export const locking: Readonly<Record<string, Case>> = {
  "flock() of two descriptors of a process": locks(async ({ os }) => {
    const [a, b] = [await open(os), await open(os)];
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.flock(b, LOCK_EX | LOCK_NB);
    await os.flock(b, LOCK_SH | LOCK_NB);
    await os.flock(a, LOCK_SH | LOCK_NB);
    await os.flock(b, LOCK_SH | LOCK_NB);
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.flock(b, LOCK_UN);
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.close(a);
    await os.flock(b, LOCK_EX | LOCK_NB);
  }),
  "flock() is shared by dup()": locks(async ({ os }) => {
    const a = await open(os);
    const copy = await os.dup(a);
    const b = await open(os);
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.flock(copy, LOCK_EX | LOCK_NB);
    await os.close(a);
    await os.flock(b, LOCK_EX | LOCK_NB);
    await os.close(copy);
    await os.flock(b, LOCK_EX | LOCK_NB);
  }),
  "flock() of two processes": locks(async ({ os, other }) => {
    const [a, b] = [await open(os), await open(other)];
    await os.flock(a, LOCK_EX | LOCK_NB);
    await other.flock(b, LOCK_EX | LOCK_NB);
    await other.flock(b, LOCK_SH | LOCK_NB);
    await os.flock(a, LOCK_UN);
    await other.flock(b, LOCK_EX | LOCK_NB);
  }),
  "flock() waits": locks(async ({ os, other, note, quietly }) => {
    const [a, b] = [await open(os), await open(other)];
    await os.flock(a, LOCK_EX);
    note(
      await quietly(async () => {
        const waiting = other.flock(b, LOCK_EX);
        await aWhile();
        return [await os.flock(a, LOCK_UN), await waiting];
      }),
    );
  }),
  "flock() of a read-only descriptor and of a folder": locks(async ({ os }) => {
    await put(os, "file");
    const a = await os.open("file", O_RDONLY);
    await os.flock(a, LOCK_EX | LOCK_NB);
    const folder = await os.open(".", O_RDONLY);
    await os.flock(folder, LOCK_EX | LOCK_NB);
    const again = await os.open(".", O_RDONLY);
    await os.flock(again, LOCK_SH | LOCK_NB);
  }),
  "fcntl() ranges of two processes": locks(async ({ os, other }) => {
    const [a, b] = [await open(os), await open(other)];
    await os.lock(a, { type: "write", start: 0, length: 10 });
    await other.lock(b, { type: "write", start: 5, length: 10 });
    await other.lock(b, { type: "write", start: 10, length: 10 });
    await other.getLock(b, { type: "read", start: 0, length: 1 });
    await other.getLock(b, { type: "read", start: 30, length: 1 });
    await os.lock(a, { type: "unlock", start: 5, length: 5 });
    await other.lock(b, { type: "write", start: 5, length: 5 });
    await os.lock(a, { type: "read", start: 0, length: 5 });
    await other.lock(b, { type: "read", start: 0, length: 5 });
    await os.lock(a, { type: "write", start: 0, length: 5 });
    await os.lock(a, { type: "write", start: 100, length: 0 });
    await other.lock(b, { type: "read", start: 1_000_000, length: 1 });
  }),
  "fcntl() locks end with any close() of the file": locks(async ({ os, other }) => {
    const [a, b] = [await open(os), await open(other)];
    const second = await open(os);
    await os.lock(a, { type: "write", ...all });
    await other.lock(b, { type: "write", ...all });
    await os.close(second);
    await other.lock(b, { type: "write", ...all });
  }),
  "fcntl() waits, and notices a deadlock": locks(async ({ os, other, note, quietly }) => {
    const [a, b] = [await open(os), await open(other)];
    await os.lock(a, { type: "write", start: 0, length: 1 });
    await other.lock(b, { type: "write", start: 1, length: 1 });
    // Whoever comes second closes the circle, and lets go.
    const take = async (actor: Calls, { fd, start }: { fd: number; start: number }) => {
      const taken = await actor.lock(fd, { type: "write", start, length: 1, wait: true });
      await actor.lock(fd, { type: "unlock", ...all });
      return String(taken);
    };
    note(
      await quietly(async () =>
        (await Promise.all([take(os, { fd: a, start: 1 }), take(other, { fd: b, start: 0 })])).sort()
      ),
    );
  }),
  "open file description locks": locks(async ({ os, other }) => {
    const [a, b, c] = [await open(os), await open(os), await open(other)];
    await os.lock(a, { type: "write", start: 0, length: 10, ofd: true });
    await os.lock(b, { type: "write", start: 0, length: 10, ofd: true });
    await other.lock(c, { type: "write", start: 0, length: 10 });
    await os.getLock(b, { type: "write", start: 0, length: 10, ofd: true });
    await os.close(b);
    await other.lock(c, { type: "write", start: 0, length: 10, ofd: true });
    await os.close(a);
    await other.lock(c, { type: "write", start: 0, length: 10, ofd: true });
  }),
  "locks end with their process": locks(async ({ os, other, killOther }) => {
    const [a, b] = [await open(os), await open(other)];
    await other.flock(b, LOCK_EX);
    await other.lock(b, { type: "write", ...all });
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.lock(a, { type: "write", ...all });
    await killOther();
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.lock(a, { type: "write", ...all });
  }),
  "a process that waits for a lock can be killed": locks(async ({ os, other, killOther }) => {
    const [a, b] = [await open(os), await open(other)];
    await os.flock(a, LOCK_EX);
    const waiting = other.flock(b, LOCK_EX).catch(() => "killed");
    await aWhile();
    await killOther();
    await waiting;
    await os.flock(a, LOCK_UN);
    await os.flock(await open(os), LOCK_EX | LOCK_NB);
  }),
  "a signal interrupts waiting": locks(async ({ os }) => {
    await put(os, "file");
    const wait = `use Fcntl ':flock'; open A,'+<','file'; open B,'+<','file'; flock A,LOCK_EX;
      $SIG{ALRM}=sub{die "interrupted\\n"}; eval{alarm 1; flock B,LOCK_EX}; print $@`;
    await os.run(`perl -e "${wait.replaceAll("$", "\\$")}"`);
  }),
  "flock(1) as scripts use it": locks(async ({ os }) => {
    await os.run(
      "for i in 1 2 3 4 5; do (flock 9; n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) >n) 9>lock & done; wait; cat n",
    );
  }),
  "flock() against a local process": locks(async ({ os, local }) => {
    const [a, b] = [await open(os), await open(local)];
    await os.flock(a, LOCK_EX | LOCK_NB);
    await local.flock(b, LOCK_EX | LOCK_NB);
    await os.flock(a, LOCK_SH | LOCK_NB);
    await local.flock(b, LOCK_SH | LOCK_NB);
    await os.flock(a, LOCK_EX | LOCK_NB);
    await os.close(a);
    await local.flock(b, LOCK_EX | LOCK_NB);
    await os.flock(await open(os), LOCK_SH | LOCK_NB);
  }),
  "flock() waits for a local process, and the other way round": locks(async ({ os, local, note, quietly }) => {
    const [a, b] = [await open(os), await open(local)];
    await local.flock(b, LOCK_EX);
    // Which of the two answers comes first is chance.
    note(
      await quietly(async () => {
        const there = os.flock(a, LOCK_EX);
        await aWhile();
        await local.flock(b, LOCK_UN);
        const here = there.then(() => local.flock(b, LOCK_EX));
        await aWhile();
        return [await there, await os.flock(a, LOCK_UN), await here];
      }),
    );
  }),
  "fcntl() locks against a local process": locks(async ({ os, local }) => {
    const [a, b] = [await open(os), await open(local)];
    await os.lock(a, { type: "write", start: 0, length: 10 });
    await local.lock(b, { type: "write", start: 5, length: 10 });
    await local.getLock(b, { type: "write", start: 5, length: 10 });
    await local.lock(b, { type: "write", start: 20, length: 10 });
    await os.lock(a, { type: "read", start: 25, length: 1 });
    await os.getLock(a, { type: "read", start: 25, length: 1 });
    await local.lock(b, { type: "unlock", ...all });
    await os.lock(a, { type: "read", start: 25, length: 1 });
    await os.close(a);
    await local.lock(b, { type: "write", ...all });
  }),
  "open file description locks against a local process": locks(async ({ os, local }) => {
    const [a, b] = [await open(os), await open(local)];
    await os.lock(a, { type: "write", ...all, ofd: true });
    await local.lock(b, { type: "write", ...all, ofd: true });
    await local.lock(b, { type: "read", ...all });
    await os.close(a);
    await local.lock(b, { type: "write", ...all, ofd: true });
  }),
  "locks of a dead process are free for local ones": locks(async ({ other, local, killOther }) => {
    const [a, b] = [await open(other), await open(local)];
    await other.flock(a, LOCK_EX);
    await other.lock(a, { type: "write", ...all });
    await local.flock(b, LOCK_EX | LOCK_NB);
    await killOther();
    await local.flock(b, LOCK_EX);
    await local.lock(b, { type: "write", ...all, wait: true });
  }),
};
