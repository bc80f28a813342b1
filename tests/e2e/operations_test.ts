/** The rarer operations on files, each compared with the same done locally. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import {
  here,
  inventUser,
  latin1,
  type Machine,
  makeFolder,
  on,
  perl,
  same,
  sameRun,
  startUsedHost,
  type User,
} from "./support/mod.ts";

const USER = { uid: 1234, gid: 1234, groups: [2345] };

let host: Host;
let there: Machine;
let user: User;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
  user = await inventUser(host, USER);
});
Deno.test.afterAll(async () => {
  await user[Symbol.asyncDispose]();
  await host.stop();
});

async function samePerl(script: string): Promise<string> {
  const { stdout, status, stderr } = await sameRun(there, perl(script));
  assert.deepEqual([status, stderr], [0, ""]);
  return latin1(stdout);
}

Deno.test("extended attributes", async (t) => {
  await t.step("are set, read, listed and removed", async () => {
    const said = await samePerl(String.raw`
      put("x", "data"); my $value = "val\0\xff"; my $b = "\0" x 100;
      line(call("setxattr", "x", "user.n", $value, 5, 0), call("setxattr", "x", "user.n", $value, 5, 1));
      line(call("setxattr", "x", "user.none", $value, 5, 2), call("getxattr", "x", "user.n", 0, 0));
      line(call("getxattr", "x", "user.n", \$b, 2), call("getxattr", "x", "user.n", \$b, 5), unpack "H*", substr $b, 0, 6);
      line(call("getxattr", "x", "user.none", \$b, 100), call("listxattr", "x", 0, 0), call("listxattr", "x", \$b, 3));
      line(call("setxattr", "x", "user.empty", "", 0, 0), call("getxattr", "x", "user.empty", \$b, 100));
      line(call("listxattr", "x", \$b, 100), join ",", sort split /\0/, substr $b, 0, 18);
      line(call("removexattr", "x", "user.n"), call("removexattr", "x", "user.n"), call("listxattr", "x", 0, 0));`);
    assert.match(said, /^0 EEXIST\nENODATA 5\nERANGE 5 76616c00ff00\n/);
  });
  await t.step("of any name and size", async () => {
    await samePerl(String.raw`
      put("x", ""); my $b = "\0" x 70000; my $long = "user." . "n" x 250;
      for my $name ("user.\xff\xfe", $long, "${"${long}"}n", "user.", "foo.bar", "foo", "system.foo") {
        line($name, call("setxattr", "x", $name, "v", 1, 0), call("getxattr", "x", $name, \$b, 100));
      }
      for my $size (0, 1, 3000, 65536, 65537) {
        line($size, call("setxattr", "x", "user.size", "b" x $size, $size, 0), call("getxattr", "x", "user.size", \$b, 70000));
      }`);
  });
  await t.step("of links, directories, fifos, and files that are open, removed or of mode 0", async () => {
    await samePerl(String.raw`
      put("x", ""); symlink "x", "l"; mkdir "d"; call("mknodat", -100, "p", S_IFIFO | 0600, 0); my $b = "\0" x 100;
      for my $name ("l", "d", "p") {
        line($name, call("lsetxattr", $name, "user.a", "v", 1, 0), call("lgetxattr", $name, "user.a", \$b, 9));
        line(call("lsetxattr", $name, "security.a", "vv", 2, 0), call("lgetxattr", $name, "security.a", \$b, 9));
        line(call("llistxattr", $name, \$b, 100));
      }
      line(call("setxattr", "l", "user.by_link", "v", 1, 0), call("lgetxattr", "x", "user.by_link", \$b, 9));
      open my $file, "<", "x"; unlink "x";
      line(call("fsetxattr", fileno $file, "user.a", "v", 1, 0), call("fgetxattr", fileno $file, "user.a", \$b, 9));
      put("none", ""); chmod 0, "none"; line(call("setxattr", "none", "user.a", "v", 1, 0));`);
  });
  await t.step("go with copies and archives", async () => {
    await same(
      there,
      `echo x >a; setfattr -n user.a -v 1 a; setfattr -n security.b -v 2 a; cp -a a b; getfattr -m - -d b
       tar --xattrs -cf t a; mkdir d; tar --xattrs -C d -xf t; getfattr -m - -d d/a; rm t; cp a c; getfattr -d c; mv a e; getfattr -d e`,
    );
  });
  await t.step("that another process sets are seen", async () => {
    await using folder = await makeFolder();
    const setfattr = (value: string) =>
      new Deno.Command("setfattr", { args: ["-n", "user.a", "-v", value, "f"], cwd: folder.path }).output();
    await Deno.writeTextFile(`${folder.path}/f`, "");
    const loop = "while read -r _; do getfattr --only-values -n user.a f 2>/dev/null; echo .; done";
    await using process = there.start(["sh", "-c", loop], { stdin: "open", cwd: folder.path });
    await process.write("\n");
    await process.says(/^\.\n$/);
    for (const value of ["one", "two"]) {
      await setfattr(value);
      // What is known may be believed for one second.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await process.write("\n");
      await process.says(`${value}.\n`);
    }
  });
});

/** What comes of ACLs, to be run by {@link USER}. */
const acls = `LC_ALL=C; export LC_ALL
  cat readable hidden grouped; echo more >>writable; cat writable; ls d; cat d/inner s/x; touch d/new; mkdir d/sub
  getfacl -nc d/new d/sub; (umask 077; touch d/tight plain; mkdir d/dir); getfacl -nc d/tight d/dir; stat -c '%a %n' plain
  setfacl -m u:4321:r mine; chmod 640 mine; getfacl -nc mine; ls -l mine | cut -c 1-11; cp -a mine copy; getfacl -nc copy
  setfacl -b mine; getfacl -nc mine; setfacl -m u:1:r readable; getfattr -n user.a readable; setfattr -n user.a -v 2 readable
  setfattr -n user.a -v 2 writable; getfattr --only-values -n user.a writable; setfattr -n security.a -v 1 mine
  setfattr -n trusted.a -v 1 mine; ls -ln | cut -c 1-11,47-`;

const aclSetup =
  `umask 022; for f in readable writable hidden grouped mine; do echo $f >$f; setfattr -n user.a -v 1 $f; done
  chmod 600 readable writable; setfacl -m u:1234:r readable; setfacl -m u:1234:rw writable; setfacl -m u:1234:- hidden
  setfacl -m g:2345:- grouped; mkdir -m 700 d; echo inner >d/inner; setfacl -m u:1234:rwx d
  setfacl -d -m u:1234:rw,u:99:r,g::-,o::0 d; mkdir s; echo x >s/x; setfacl -m u:1234:r s; chown 1234:1234 mine
  setfacl -m u:1234:rwx .`;

Deno.test("ACLs are the local ones", async (t) => {
  await t.step("for an ordinary user", async () => {
    const machine = on(host, { sshConfig: user.sshConfig });
    const options = { setup: aclSetup, prefix: user.prefix, env: user.env };
    const { text, stderr } = await same(machine, acls, options);
    assert.match(text, /^readable\nwritable\nmore\n/);
    assert.match(stderr, /cat: hidden: Permission denied\ncat: grouped: Permission denied\n/);
  });
  await t.step("for a user that root becomes there, where the kernel there has to judge", async () => {
    const become = `--reuid=${USER.uid} --regid=${USER.gid} --groups=${USER.groups}`;
    await same(there, `exec setpriv ${become} sh -c '${acls.replaceAll("'", `'\\''`)}'`, { setup: aclSetup });
  });
  await t.step("and root's own, with a setgid bit", async () => {
    await same(
      there,
      `mkdir d; chgrp 77 d; chmod 2775 d; setfacl -m u:5:rwx d; stat -c %a d; touch d/f; getfacl -nc d/f; stat -c '%a %g' d/f
       chmod 2755 d/f; setpriv --reuid=0 --regid=0 --clear-groups --bounding-set=-fsetid setfacl -m u:6:r d/f; stat -c %a d/f
       setfacl -d -m g:9:rx d; mkdir d/e; getfacl -nc d/e; setfacl -k d; setfacl -R -b d; getfacl -Rnc d`,
    );
  });
});

Deno.test("fallocate", async (t) => {
  await t.step("makes room, holes and zeros", async () => {
    await samePerl(String.raw`
      for my $mode (0, 1, 2, 3, 0x10, 0x11) {
        put("f", "x" x 20000); open my $file, "+<", "f"; line($mode, call("fallocate", fileno $file, $mode, 4096, 8192));
        my @stat = stat $file; my $content = slurp("f"); line(@stat[7, 12], length $content, unpack "%32C*", $content);
      }
      open my $file, "+<", "f"; line(call("fallocate", fileno $file, 0, 100000, 50000), -s $file);
      line(call("fallocate", fileno $file, 1, 1000000, 50000), -s $file);
      line(map { call("fallocate", fileno $file, @$_) } [0, 0, 0], [0, -1, 5], [1, 1 << 44, 4096], [1, ~0 >> 1, 1], [0x100, 0, 1]);
      open $file, "<", "f"; line(call("fallocate", fileno $file, 0, 0, 10));`);
  });
  await t.step("changes what was read before, and what is mapped", async () => {
    await same(
      there,
      `seq 100000 >f; cksum f; fallocate -p -o 8192 -l 65536 f; cksum f; fallocate -z -o 200000 -l 10000 f; cksum f; stat -c '%s %b' f
       fallocate -l 1M g; stat -c '%s %b' g; cksum g; fallocate -n -l 4M g; stat -c '%s %b' g; fallocate -d f; cksum f`,
    );
  });
});

Deno.test("SEEK_DATA and SEEK_HOLE", async (t) => {
  const extents = String.raw`
    sub extents {
      my ($fd, @found, $at) = ($_[0]); $at = 0;
      while (@found < 50) {
        my $data = call("lseek", $fd, $at, 3); return join " ", @found, $data if $data =~ /E/;
        $at = call("lseek", $fd, $data, 4); push @found, "$data-$at";
      }
    }`;
  await t.step("in a file that is only read", async () => {
    await samePerl(`${extents}
      open my $file, ">", "f"; truncate $file, 1 << 20; sysseek $file, 300000, 0; syswrite $file, "data";
      sysseek $file, 5 << 30, 0; syswrite $file, "far"; close $file; open $file, "<", "f"; line(extents(fileno $file));
      line(map { call("lseek", fileno $file, @$_) } [5, 3], [5, 4], [-5, 3], [1 << 40, 3], [~0 >> 1, 4], [(5 << 30) + 2, 4], [1, 7]); unlink "f";
      put("empty", ""); open $file, "<", "empty"; line(extents(fileno $file));`);
  });
  await t.step("in a file that is being written, of which the kernel there has kept the most to itself", async () => {
    const said = await samePerl(`${extents}
      open my $file, "+>", "f"; for my $at (3, 500, 100000) { sysseek $file, $at << 20, 0; syswrite $file, "x" x 300000 }
      line(extents(fileno $file)); sysseek $file, 200 << 20, 0; syswrite $file, "y"; line(extents(fileno $file));
      open my $reader, "<", "f"; line(extents(fileno $reader)); truncate $file, 5 << 20; line(extents(fileno $reader));`);
    assert.match(said, /^3145728-/);
  });
  await t.step("let a file be copied that another process is still writing", async () => {
    await same(
      there,
      `(exec 3>f; seq 500000 >&3; >ready; until test -e go; do sleep 0.02; done) & until test -e ready; do sleep 0.02; done
       cp f g; cksum g; >go; wait; rm ready go`,
    );
  });
});

Deno.test("copy_file_range", async (t) => {
  await t.step("copies what the local one does", async () => {
    await samePerl(String.raw`
      put("f", join "", map { pack "N", $_ } 1 .. 50000); open my $from, "<", "f"; open my $to, "+>", "g"; syswrite $to, "y" x 5000;
      sub copy {
        my ($source, $at, $target, $into, $length, $flags) = @_; my ($in, $out) = map { pack "q", $_ } $at, $into;
        my $copied = call("copy_file_range", fileno $source, \$in, fileno $target, \$out, $length, $flags // 0);
        line($copied, map({ unpack "q", $_ } $in, $out), -s $target);
      }
      copy($from, 1000, $to, 3000, 100000); copy($from, 200000, $to, 0, 10); copy($from, 0, $to, 0, 10, 1);
      copy($to, 0, $to, 10, 100); copy($to, 0, $to, 300000, 100); copy($from, 0, $from, 300000, 10); copy($from, 199000, $to, 7, 1 << 40);
      open my $append, ">>", "h"; copy($from, 0, $append, 0, 10); mkdir "d"; open my $dir, "<", "d"; copy($dir, 0, $to, 0, 10);
      sysseek $to, 0, 0; sysread $to, my $content, 400000; line(length $content, unpack "%32C*", $content);
      open my $fresh, "+>", "i"; syswrite $fresh, "fresh" x 1000; copy($fresh, 5, $to, 50001, 4000);`);
  });
  await t.step("moves no bytes over the link", async () => {
    await using folder = await makeFolder();
    await Deno.writeFile(`${folder.path}/f`, new Uint8Array(50_000_000).fill(7));
    const debugged = on(host, { options: ["--debug"] });
    const { stderr } = await debugged.run(["cp", "f", "g"], { cwd: folder.path });
    const { code } = await new Deno.Command("cmp", { args: ["f", "g"], cwd: folder.path }).output();
    assert.equal(code, 0);
    const [, bytes] = stderr.match(/local: .*"bytesOut":(\d+)/) ?? assert.fail(stderr);
    assert.ok(Number(bytes) < 20_000_000, `${bytes} bytes were sent`);
  });
  await t.step("of the other machine's files reads them there", async () => {
    await using folder = await makeFolder();
    const { text } = await there.shell("cp /etc/hosts h; cmp h /etc/hosts && echo same", { cwd: folder.path });
    assert.equal(text, "same\n");
  });
});

Deno.test("files without a name", async () => {
  const said = await samePerl(String.raw`
    my $flags = 020000000 | O_DIRECTORY; mkdir "d"; umask 027;
    my $fd = call("openat", -100, "d", $flags | O_RDWR, 0666); open my $file, "+<&=", $fd; syswrite $file, "text";
    my @stat = stat $file; printf "%o %d %d\n", @stat[2, 3, 7]; line(glob "d/*");
    for my $name ("linked", "linked", "d/again") { line(call("linkat", -100, "/proc/self/fd/$fd", -100, $name, 0x400)) }
    syswrite $file, " and more"; close $file; line(slurp("linked"), slurp("d/again"), (stat "linked")[3]);
    $fd = call("openat", -100, ".", $flags | O_RDWR | O_EXCL, 0600);
    line(call("linkat", -100, "/proc/self/fd/$fd", -100, "never", 0x400));
    line(map { call("openat", -100, @$_, 0600) } [".", $flags], ["linked", $flags | O_RDWR], ["none", $flags | O_RDWR]);
    open my $gone, "+>", undef or die $!; print $gone "kept"; seek $gone, 0, 0; line(readline $gone);`);
  assert.match(said, /^100640 0 4\n\n0\nEEXIST\n0\ntext and more/);
});

Deno.test("O_DIRECT", async () => {
  await samePerl(String.raw`
    my $flags = ${
    Deno.build.arch === "x86_64" ? "040000" : "0200000"
  }; my $fd = call("openat", -100, "f", O_CREAT | O_RDWR | $flags, 0600);
    my $buffer = "\0" x 12288; my $pad = -unpack("J", pack "p", $buffer) % 4096; my $address = unpack("J", pack "p", $buffer) + $pad;
    substr $buffer, $pad, 4096, "Q" x 4096; line(call("pwrite64", $fd, $address, 4096, 8192), -s "f");
    substr $buffer, $pad, 4096, "." x 4096; line(call("pread64", $fd, $address, 4096, 8192), substr $buffer, $pad, 3);
    line(call("pread64", $fd, $address, 4096, 0), unpack "H6", substr $buffer, $pad, 3); line(call("pread64", $fd, $address, 4096, 12288));`);
  await same(
    there,
    `seq 200000 | head -c 1048576 >f; dd if=f of=g bs=64k iflag=direct oflag=direct status=none; cmp f g && echo equal
     dd if=f of=h bs=4k oflag=direct,append conv=notrunc status=none; cmp f h && echo equal; dd if=g bs=1M iflag=direct status=none | cksum`,
  );
});

Deno.test("renameat2", async () => {
  await samePerl(String.raw`
    put($_, $_) for "a", "b"; mkdir "d"; mkdir "d/inner"; sub swap { line(call("renameat2", -100, $_[0], -100, $_[1], $_[2])) }
    swap("a", "b", 1); swap("a", "b", 2); line(slurp("a"), slurp("b")); swap("a", "d", 2); line(-d "a/inner", slurp("d"));
    swap("a", "none", 2); swap("a", "none", 3); swap("a", "none", 1); swap("none", "none/inner", 2); swap("b", "none", 8); swap("d", "d", 1);
    swap("none/inner", "b", 2); line(-d "b", slurp("none/inner")); symlink "b", "l"; swap("l", "d", 2); line(readlink "d", slurp("l"));
    swap("l", "/tmp", 2); opendir my $dir, "."; line(sort readdir $dir);`);
});

Deno.test("fifos, sockets and files by mknod", async () => {
  await samePerl(String.raw`
    umask 022;
    for (["fifo", S_IFIFO | 0666], ["socket", S_IFSOCK | 0666], ["file", S_IFREG | 0666], ["dir", S_IFDIR | 0777], ["plain", 0], ["fifo", 0]) {
      my ($name, $mode) = @$_; line($name, call("mknodat", -100, $name, $mode, 0)); printf "%o %x\n", (lstat $name)[2, 6] if -e $name;
    }`);
});

Deno.test("names and targets of any bytes, as long as they get", async () => {
  await samePerl(String.raw`
    my ($long, $longer) = ("n" x 255, "n" x 256); put($long, "long"); put("f", "f"); line(slurp($long));
    sub done { line($_[0] ? "done" : errno()) }
    done(open my $file, ">", $longer); done(mkdir $longer); done(symlink "x", $longer); done(link "f", $longer); done(rename "f", $longer);
    done(rename $longer, "f"); done(unlink $longer); done(rmdir $longer); done(scalar(() = stat "n" x $_)) for 256, 1000, 1500, 4000, 4095, 4096;
    done(symlink "t" x 4095, "target"); line(length readlink "target"); done(symlink "t" x 4096, "other"); done(symlink "", "empty");
    my $odd = join "", map { chr } grep { $_ != 47 } 1 .. 255; put($odd, "odd"); symlink $odd, "link\xfe"; line(slurp("link\xfe"));
    line(unpack "H*", readlink "link\xfe"); opendir my $dir, "."; line(map { unpack "H*", $_ } sort readdir $dir);
    my $deep = ""; for (1 .. 15) { $deep .= "d" x 250 . "/"; mkdir $deep or line(errno()) } put($deep . "f", "deep"); line(slurp($deep . "f"));`);
});

Deno.test("sizes and positions beyond 4 GiB", async () => {
  await samePerl(String.raw`
    open my $file, "+>", "f"; my $b = "\0" x 8; my $fd = fileno $file; sub size { line(call("ftruncate", $fd, $_[0]), -s $file) }
    size(10 << 30); line(call("pwrite64", $fd, "nine", 4, 9 << 30), call("pread64", $fd, \$b, 8, 9 << 30), unpack "H*", $b);
    line(-s $file, call("pread64", $fd, \$b, 8, (10 << 30) - 3), call("pread64", $fd, \$b, 8, 1 << 43));
    for my $power (32, 42, 43, 44, 45, 50, 52, 53, 54, 60, 62) { size((1 << $power) - 1); size(1 << $power) } size(~0 >> 1); size(-1); size(4097);
    line(call("pwrite64", $fd, "four", 4, (4 << 30) - 2), -s $file); close $file; open $file, "<", "f"; seek $file, (4 << 30) - 4, 0;
    line(unpack "H*", join "", readline $file); unlink "f";`);
});

Deno.test("statx tells when a file was made", async () => {
  await samePerl(String.raw`
    my $b = "\0" x 256; sub born { call("statx", -100, $_[0], 0x100, 0x800, \$b); (unpack("L", $b) & 0x800) / 0x800, unpack "qL", substr $b, 80 }
    put("f", "x"); symlink "f", "l"; mkdir "d"; my @born = born("f"); line($born[0], abs(time - $born[1]) < 100, $born[2] < 1e9);
    chmod 0600, "f"; utime 5, 5, "f"; rename "f", "g"; line("@{[born('g')]}" eq "@born"); line((born($_))[0]) for "l", "d", ".", "/etc/passwd", "/";`);
  const { text } = await there.run(["stat", "-c", "%w", "/usr/bin/env"]);
  assert.equal(text, latin1((await new Deno.Command("stat", { args: ["-c", "%w", "/usr/bin/env"] }).output()).stdout));
});

Deno.test("a directory of 100 000 names is listed whole while it changes, and from any place in it", async () => {
  const count = 100_000;
  await using folder = await makeFolder();
  const make = `for name in keep/${count} gone/500; do seq -f "\${name%/*}%.0f" "\${name#*/}" | xargs touch; done`;
  assert.equal((await here.shell(make, { cwd: folder.path })).status, 0);
  const script = String.raw`
    opendir my $dir, "."; my (%seen, @marks); my $count = 0;
    while (defined(my $name = readdir $dir)) {
      $seen{$name}++; push @marks, telldir $dir if ++$count % 20000 == 0;
      if ($count == 30000) { unlink map "gone$_", 1 .. 500; put("late$_", "") for 1 .. 500 }
    }
    sub keeps { scalar grep /^keep/, keys %{$_[0]} } line(keeps(\%seen), scalar grep { $_ > 1 } values %seen);
    for my $mark (@marks) { seekdir $dir, $mark; my %rest; $rest{$_}++ while defined($_ = readdir $dir); print keeps(\%rest), " " }
    rewinddir $dir; my %again; $again{$_}++ while defined($_ = readdir $dir); print "\n";
    line(keeps(\%again), map { my $kind = $_; scalar grep /^$kind/, keys %again } "late", "gone");`;
  const { text, stderr } = await there.run(perl(script), {
    cwd: folder.path,
    timeoutMs: 300_000,
  });
  const [whole, rests, again] = text.split("\n");
  assert.deepEqual([whole, again, stderr], [`${count} 0`, `${count} 500 0`, ""]);
  const counts = rests.trim().split(" ").map(Number);
  assert.equal(counts.length, 5);
  counts.forEach((left, mark) => {
    // Some of what was passed by then begins with "gone" or "late".
    const least = count - (mark + 1) * 20_000;
    assert.ok(left >= least && left <= least + 1000, `${left} names behind ${(mark + 1) * 20_000}`);
  });
});
