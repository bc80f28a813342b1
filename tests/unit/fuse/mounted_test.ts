import assert from "node:assert/strict";
import { arch, O_TMPFILE } from "../../../lib/linux/mod.ts";
import { BIRTH } from "./memory_file_system.ts";
import { Mounted, type State } from "./mounted.ts";

const isRoot = Deno.uid() === 0;

/** A test with a file system mounted, once as usual and once with write-back. */
function mountedTest(name: string, body: (mounted: Mounted) => Promise<void>): void {
  for (const writebackCache of [false, true]) {
    Deno.test({
      name: `${name}${writebackCache ? ", with write-back" : ""}`,
      ignore: !isRoot,
      async fn() {
        await using mounted = await Mounted.start({ writebackCache });
        await body(mounted);
      },
    });
  }
}

/** Runs a script that must succeed, and returns what it printed. */
async function shell(mounted: Mounted, script: string): Promise<string> {
  const { code, stdout, stderr } = await mounted.run(`set -e; ${script}`);
  assert.equal(code, 0, `${script}: ${stderr}`);
  return stdout;
}

mountedTest("Server serves the usual programs", async (mounted) => {
  const run = (script: string) => shell(mounted, script);
  assert.equal(await run("ls"), "slow\nstate\nvictim\n");
  assert.equal(await run("echo one > a; echo two >> a; cat a"), "one\ntwo\n");
  assert.equal(await run("mkdir -p d/e; mv a d/e/b; ls d/e; cat d/e/b"), "b\none\ntwo\n");
  assert.equal(
    await run("ln d/e/b c; ln -s d/e/b s; readlink s; stat -c '%h %s %F' c; cat s"),
    "d/e/b\n2 8 regular file\none\ntwo\n",
  );
  assert.equal(await run("truncate -s 5 c; cat c; truncate -s 6 c; od -An -c c"), "one\nt   o   n   e  \\n   t  \\0\n");
  assert.equal(await run("chmod 4751 c; chown 5:6 c; touch -d @-1.5 c; stat -c '%a %u %g %.1Y' c"), "751 5 6 -1.5\n");
  assert.equal(
    await run("dd if=/dev/zero of=z bs=1M count=5 status=none; stat -c %s z; cmp -n 5242880 z /dev/zero"),
    "5242880\n",
  );
  assert.equal(await run("mkfifo f; mknod n c 1 3; stat -c '%F %t %T' f n"), "fifo 0 0\ncharacter special file 1 3\n");
  assert.equal(
    await run("stat -f -c '%b %f %a %c %d %s %l' ."),
    "8589934592 4294967296 2147483648 1000 900 4096 255\n",
  );
  assert.equal(await run("rm -r d c s z f n; ls"), "slow\nstate\nvictim\n");
  assert.equal((await mounted.state()).handles, 1);
  assert.equal(await shell(mounted, "until grep -q '\"removedLookups\":0' state; do :; done"), "");
});

mountedTest("Server serves a copied program to exec, and a changed copy to mmap", async (mounted) => {
  const copies = "cp /bin/echo e; cp --sparse=always e e2; cmp e e2; ./e2 it runs";
  assert.equal(await shell(mounted, copies), "it runs\n");
  const change = `open F, "+<", "e2" or die; seek F, 4096, 0; print F "changed"; close F`;
  const map = `open M, "<:mmap", "e2" or die; seek M, 4096, 0; read M, $text, 7; print $text`;
  assert.equal(await shell(mounted, `perl -e '${change}; ${map}'`), "changed");
});

mountedTest("Server passes errors on", async (mounted) => {
  const { stderr } = await mounted.run("export LC_ALL=C; cat none; mkdir slow; rmdir none; mkdir -p d/e; rmdir d");
  for (const reason of ["No such file", "File exists", "No such file", "Directory not empty"]) {
    assert.ok(stderr.includes(reason), stderr);
  }
});

mountedTest("Server carries names that are not UTF-8, and as long as names get", async (mounted) => {
  const script = "touch $(printf 'n\\377\\200') $(printf '%0255d' 0); ls | od -An -v -tx1 | tr -d ' \\n'";
  const zeros = "30".repeat(255);
  assert.equal(await shell(mounted, script), `${zeros}0a6eff800a736c6f770a73746174650a76696374696d0a`);
});

mountedTest("Server lists directories of thousands of names", async (mounted) => {
  const script = "mkdir d; cd d; seq 3000 | xargs touch; ls | sort -n | cmp - <(seq 3000)";
  await shell(mounted, `exec bash -c '${script}; ls -l | wc -l; rm -r ../d'`);
});

mountedTest("Server renames with RENAME_NOREPLACE and RENAME_EXCHANGE", async (mounted) => {
  assert.equal(await shell(mounted, "echo a > a; echo b > b; mv -n a b; cat a b"), "a\nb\n");
  const { renameat2 } = arch.syscall;
  const exchange = `($a, $b) = ("a", "b"); syscall(${renameat2}, -100, $a, -100, $b, 2) and die "renameat2: $!"`;
  assert.equal(await shell(mounted, `perl -e '${exchange}'; cat a b`), "b\na\n");
});

/** System calls that perl has no functions for (`asm/unistd.h`). */
const numbers = {
  x86_64: { setxattr: 188, getxattr: 191, listxattr: 194, removexattr: 197, linkat: 265 },
  aarch64: { setxattr: 5, getxattr: 8, listxattr: 11, removexattr: 14, linkat: 37 },
}[Deno.build.arch];

mountedTest("Server serves extended attributes", async (mounted) => {
  const perl = `
    $file = "a"; $b = chr(0) x 100;
    sub result { $_[0] < 0 ? -$! : $_[0] }
    sub set { ($n, $v, $flags) = @_; result syscall(${numbers.setxattr}, $file, $n, $v, length $v, $flags) }
    sub get { ($n, $size) = @_; result syscall(${numbers.getxattr}, $file, $n, $b, $size) }
    sub list { result syscall(${numbers.listxattr}, $file, $b, $_[0]) }
    sub remove { $n = $_[0]; result syscall(${numbers.removexattr}, $file, $n) }
    say join " ", set("user.a", "value", 0), set("user.a", "v", 1), set("user.b", "v", 2), set("user.c", "", 1);
    say join " ", get("user.a", 0), get("user.a", 4), get("user.a", 100), substr($b, 0, 5), get("user.none", 9);
    say join " ", list(0), list(3), list(100), join ",", split chr(0), substr $b, 0, 14;
    say join " ", remove("user.a"), remove("user.a"), get("user.a", 0);`;
  const expected = ["0 -17 -61 0", "5 -34 5 value -61", "14 -34 14 user.a,user.c", "0 -61 -61"];
  assert.equal(await shell(mounted, `touch a; perl -E '${perl}'`), `${expected.join("\n")}\n`);
});

mountedTest("Server serves ranges and copies of files", async (mounted) => {
  const run = (script: string) => shell(mounted, script);
  const sizes = "fallocate -l 100000 f; stat -c %s f; fallocate -n -l 200000 f; stat -c %s f";
  assert.equal(await run(sizes), "100000\n100000\n");
  const hole = "printf abcdef > g; cat g > h; fallocate -p -o 2 -l 2 g; od -An -v -tx1 g";
  assert.equal(await run(hole), " 61 62 00 00 65 66\n");
  assert.equal(await run("cp --sparse=never h i; cat i; cp f j; cmp f j; stat -c %s j"), "abcdef100000\n");
  const seek = "open F, q(<), q(h); say join q( ), sysseek(F, 2, 3), sysseek(F, 2, 4), sysseek(F, 6, 3) ? 0 : $! + 0";
  assert.equal(await run(`perl -E '${seek}'`), "2 6 6\n");
});

mountedTest("Server serves files without a name, and times of birth", async (mounted) => {
  const perl = `
    use Fcntl;
    sysopen F, ".", ${O_TMPFILE} | O_RDWR, 0666 or die $!;
    syswrite F, "text";
    say +(stat F)[3];
    ($from, $to) = ("/proc/self/fd/" . fileno F, "named");
    syscall(${numbers.linkat}, -100, $from, -100, $to, 0x400) and die $!`;
  const script = `umask 027; perl -E '${perl}'; cat named; stat -c " %a %W" named`;
  assert.equal(await shell(mounted, script), `0\ntext 640 ${BIRTH}\n`);
});

/** The server gave up one request, and holds nothing for it; the handle is that of the file read here. */
function assertLetGo({ letGo, slowLookups, handles, pending }: State): void {
  assert.deepEqual({ letGo, slowLookups, handles, pending }, { letGo: 1, slowLookups: 0, handles: 1, pending: 0 });
}

/** Waits, in the shell, until a request has no answer yet. */
const untilPending = `until grep -q '"pending":1' state; do :; done`;
/** Prints the status that a killed process leaves. */
const kill = "kill -KILL $!; status=0; wait $! || status=$?; echo $status";

mountedTest("Server lets the caller of a request that hangs be killed, and takes the result back", async (mounted) => {
  assert.equal(await shell(mounted, `stat hang & ${untilPending}; ${kill}`), "137\n");
  assertLetGo(await mounted.state());
});

mountedTest("Server lets a caller be killed that had a harmless signal before", async (mounted) => {
  const client = `perl -e '$SIG{USR1} = sub {}; stat "hang"; print "survived\n"'`;
  const script = `${client} & ${untilPending}; kill -USR1 $!; ${untilPending}; ${kill}`;
  assert.equal(await shell(mounted, script), "137\n");
  assertLetGo(await mounted.state());
});

mountedTest("Server does not let a read fail for SIGALRM or SIGCHLD", async (mounted) => {
  const handlers = `$SIG{ALRM} = sub { $alarms++ }; $SIG{CHLD} = sub { $children++ }`;
  const signals = `setitimer(ITIMER_REAL, 0.1, 0); unless (fork) { select(undef, undef, undef, 0.2); exit }`;
  const read = `open F, "<", "slow" or die; defined(sysread F, $text, 100) or die "Cannot read: $!"`;
  const perl =
    `use Time::HiRes qw(setitimer ITIMER_REAL); ${handlers}; ${signals}; do { ${read} } until $alarms && $children;
    print "$alarms $children $text"`;
  assert.equal(await shell(mounted, `perl -e '${perl}'`), "1 1 slow\n");
});

/** Waits, in the shell, until `command` prints `text`. */
function until(command: string, text: string): string {
  return `until [ "$(${command} 2>&1)" = "${text}" ]; do :; done`;
}

Deno.test({
  name: "notifications make the kernel ask again, at once",
  ignore: !isRoot,
  async fn() {
    await using mounted = await Mounted.start({ lifetime: 3_600_000, keepCache: true });
    // Looking the name of a command up gives it.
    const give = (command: string) => `[ ! -e ${command} ]`;
    const look = "stat -c %a victim; cat victim";
    const run = (script: string) => shell(mounted, `export LC_ALL=C; ${script}`);
    assert.equal(await run(look), "644\nold\n");
    assert.equal(await run(`${give("change-attr")}; ${give("change-data")}; ${look}`), "644\nold\n");
    await run(`${give("notify-attr")}; ${until("stat -c %a victim", "600")}`);
    assert.equal(await run(look), "600\nold\n");
    await run(`${give("notify-data")}; ${until("cat victim", "new")}`);
    await run(`${give("notify-store")}; ${until("cat victim", "nin")}`);
    assert.equal(await run(`${give("change-entry")}; ${look}`), "600\nnin\n");
    await run(`${give("notify-entry")}; ${until("cat victim", "other")}`);
    assert.equal(await run(`${give("change-delete")}; cat victim`), "other\n");
    await run(`${give("notify-expire")}; ${until("cat victim", "cat: victim: No such file or directory")}`);
  },
});

Deno.test({
  name: "encodeDelete() drops the name, at once",
  ignore: !isRoot,
  async fn() {
    await using mounted = await Mounted.start({ lifetime: 3_600_000 });
    const gone = "cat: victim: No such file or directory";
    const script = `cat victim; [ ! -e change-delete ]; cat victim; [ ! -e notify-delete ]; ${
      until("cat victim", gone)
    }`;
    assert.equal(await shell(mounted, `export LC_ALL=C; ${script}`), "old\nold\n");
  },
});
