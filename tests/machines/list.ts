/**
 * What outrun has to do between real machines, each with a kernel of its own: a list for any machine that ssh reaches. The
 * seven after the first two are the original outrun's own tests.
 *
 *     playList({ name: "ubuntu", start: () => Promise.resolve({ alias: "ubuntu", sshConfig: "/home/me/.ssh/config" }) });
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitUntil } from "../hosts/wait.ts";
import {
  environment,
  here,
  type Machine,
  makeFolder,
  on,
  Process,
  program,
  reportUses,
  same,
  sameRun,
  useBy,
} from "../e2e/support/mod.ts";

/** A machine and how ssh finds it. */
export interface Reached {
  readonly alias: string;
  readonly sshConfig: string;
  /** Takes it down again, where it was started for the list. */
  stop?(): Promise<void>;
}

/** An emulated machine starts a large program in minutes. */
const TIMEOUT_MS = 1_800_000;

/** One that is busy may say nothing for long. */
const patience = ["--timeout", "1800"];

/** Declares the list's tests for one machine. */
export function playList({ name, start }: { name: string; start: () => Promise<Reached> }): void {
  let reached: Reached;
  let there: Machine;
  const options = { timeoutMs: TIMEOUT_MS };
  const test = (title: string, play: () => Promise<void>) => Deno.test(`${name}: ${title}`, play);
  Deno.test.beforeAll(async () => {
    reached = await start();
    there = on(reached, { options: patience });
  });
  Deno.test.afterAll(async () => await reached.stop?.());

  test("a second use sends nothing", async () => {
    const { text } = await ssh(reached, "hostname");
    const told = on(reached, { options: [...patience, "--debug"] });
    const first = await useBy(told, text.trim(), options);
    const reuse = await useBy(told, text.trim(), options);
    assert.equal(reuse.uploaded, 0);
    reportUses(`a machine of its own: ${name}`, { first, reuse });
  });
  test("doctor says that a command would run", async () => {
    const { status, text } = await outrun("--ssh", `-F "${reached.sshConfig}"`, ...patience, "doctor", reached.alias);
    console.log(text);
    assert.equal(status, 0);
  });
  test("echo", async () => void await sameRun(there, ["echo", "a  b", "ü", ""], options));
  test("ffmpeg -h", async () => void await sameRun(there, ["ffmpeg", "-h"], options));
  test("stdin to base64", async () => {
    await sameRun(there, ["base64"], { ...options, stdin: crypto.getRandomValues(new Uint8Array(50_000)) });
  });
  test("touch makes a local file", async () => void await sameRun(there, ["touch", "made"], options));
  test("a lua script", async () => {
    const setup =
      `printf '%s\\n' 'for i = 1, 3 do print(i, arg[1]) end io.open("out", "w"):write("said"):close()' >x.lua`;
    await same(there, "lua5.4 x.lua argument", { ...options, setup });
  });
  test("interruption", async () => {
    const before = await processes(reached);
    await using process = there.start(["sh", "-c", "echo ready; exec sleep 1000"], options);
    await process.says("ready\n");
    process.kill("SIGINT");
    assert.equal((await process.result()).status, 130);
    await waitUntil(async () => (await processes(reached)).length <= before.length, {
      timeoutMs: TIMEOUT_MS,
      failure: "something of outrun's is left there",
    });
  });
  test("a host that cannot be resolved", async () => {
    const { status, stderr } = await outrun("no-host.invalid", "true");
    assert.equal(status, 255);
    assert.match(stderr, /no-host\.invalid/);
  });

  test("an encode gives the local one's bytes", async () => {
    const source = "-f lavfi -i testsrc=d=1:s=64x64";
    await same(there, `ffmpeg -v error ${source} -threads 1 -fflags +bitexact -c:v libx264 out.mkv`, options);
  });
  test("files, their names, contents and attributes", async () => void await same(there, files, options));
  test("what a process inherits, and its status", async () => {
    const script = `id; pwd; umask; echo "$WORD"; printf '%s|' "$@"; exit 77`;
    const argv = ["sh", "-c", script, "sh", "a b", "", "*"];
    await sameRun(there, argv, {
      ...options,
      env: { WORD: "a\nb" },
      prefix: ["sh", "-c", 'umask 027; exec "$@"', "sh"],
    });
  });
  test("it runs there", async () => {
    const direct = await ssh(reached, "cat /proc/sys/kernel/random/boot_id");
    const { text } = await there.run(["cat", "/proc/sys/kernel/random/boot_id"], options);
    assert.equal(text, direct.text);
    assert.notEqual(text, await Deno.readTextFile("/proc/sys/kernel/random/boot_id"));
  });
  test("a local change is seen", async () => {
    await using folder = await makeFolder();
    await Deno.writeTextFile(`${folder.path}/file`, "old");
    const script = "cat file; while read -r _; do cat file; echo; done";
    await using process = there.start(["sh", "-c", script], { ...options, cwd: folder.path, stdin: "open" });
    await process.says("old");
    await Deno.writeTextFile(`${folder.path}/file`, "something new");
    await process.write("\n");
    await process.says("something new\n");
    await process.closeInput();
    assert.equal((await process.result()).status, 0);
  });
}

/** Touches as many operations of the file system as fit one session. */
const files = `
set -e
umask 022
mkdir -p a/b && cd a
for i in 1 2 3 4 5 6 7 8 9; do echo $i >>lines; done
printf 'x%.0s' $(seq 30000) >large
for i in $(seq 20); do cat large; done >larger
sha256sum larger
ln lines hard && ln -s lines soft && mv larger b/moved
echo appended >>hard
cat soft | wc -l
chmod 640 lines; stat -c '%a %h %s' lines
touch -d @1000000000 b; stat -c %Y b
name=$(printf 'caf\\351'); echo bytes >"$name"; ls | od -c | head -n 3
dd if=/dev/zero of=sparse bs=1 count=1 seek=100000 2>/dev/null; stat -c %s sparse
truncate -s 10 large; wc -c <large
setfattr -n user.word -v value lines; getfattr --only-values -n user.word soft
(flock -n 9 && echo locked) 9>lock
cp -a . ../copy && diff -r . ../copy && rm -rf ../copy b/moved
rmdir nothing 2>&1 || true
cp /bin/true program && ./program && echo ran
find . | LC_ALL=C sort | od -c | tail -n 1
`;

async function outrun(...argv: string[]) {
  await using process = new Process([program, ...argv], { env: { ...environment }, timeoutMs: TIMEOUT_MS });
  return await process.result();
}

/** Runs a script there without outrun. */
async function ssh({ alias, sshConfig }: Reached, script: string) {
  return await here.run(["ssh", "-F", sshConfig, alias, script], { timeoutMs: TIMEOUT_MS });
}

/** Outrun's processes there. */
async function processes(reached: Reached): Promise<string[]> {
  // Not ps: they differ.
  const { text } = await ssh(reached, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'");
  return text.split("\n").filter((line) => /agent-|outrun/.test(line));
}
