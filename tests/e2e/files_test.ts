/** What the command does to files is done to the local ones, as a local command would. */
import assert from "node:assert/strict";
import type { Host } from "../hosts/mod.ts";
import { exists, waitUntil } from "../hosts/wait.ts";
import { here, latin1, type Machine, makeFolder, on, same, startUsedHost } from "./support/mod.ts";

let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  there = on(host);
});
Deno.test.afterAll(() => host.stop());

Deno.test("files are made, written, appended to, truncated and removed", async () => {
  await same(
    there,
    `echo one >a; echo two >>a; cat a; printf x >b; : >c; echo longer than before >b; echo s >b; rm c; ls -A
     cp a d; echo more >>d; tail -c 3 d; truncate -s 2 a; truncate -s 10 b; wc -c a b d; set -C; echo no >a`,
  );
});

Deno.test("appends of several processes all arrive", async () => {
  await same(
    there,
    "for i in 1 2 3 4; do (for j in $(seq 50); do echo $i-$j >>log; done) & done; wait; sort log -o log; cat log",
  );
});

Deno.test("links, renames and modes", async (t) => {
  await t.step("hard links are one file", async () => {
    await same(
      there,
      `echo x >a; ln a b; echo y >>b; cat a; stat -c %h a b; test a -ef b && echo same; rm a; stat -c %h b; cat b
       mkdir d; ln b d/c; chmod 640 d/c; stat -c %a b; ln d/c b; ln -f d/c e; ln nothing f`,
    );
  });
  await t.step("symbolic links", async () => {
    await same(
      there,
      `echo x >a; ln -s a l; cat l; echo y >>l; cat a; readlink l; ln -s nowhere dangling; cat dangling; ln -sf b l
       mkdir d; ln -s ../a d/up; cat d/up; ln -s loop loop; cat loop; ln -s "$PWD/a" abs; cat abs; rm l; ls -l | cut -c 1`,
    );
  });
  await t.step("rename", async () => {
    await same(
      there,
      `echo a >a; echo b >b; mv a c; cat c; mv b c; cat c; ls; mkdir d e; mv c d/c; mv d e/d; cat e/d/c; echo x >x
       mv x e/d; mv e f; cat f/d/x; mkdir g; mv -T f g; mv g g/h; touch n; mv n g/d; mv -T g n; ls -R`,
    );
  });
  await t.step("chmod, special bits", async () => {
    await same(
      there,
      `touch a b c; chmod 600 a; chmod 4755 b; chmod 2711 c; chmod u+s,g-x c; mkdir d; chmod 1777 d; chmod 000 a
       stat -c '%a %n' *; chmod 700 nothing`,
    );
  });
  await t.step("chown", async () => {
    await same(
      there,
      "touch a; mkdir d; chown 1234:2345 a d; chgrp 7 a; chown -h 3:4 a; stat -c '%u:%g' a d; ln -s a l; chown -h 9 l",
    );
  });
});

Deno.test("times have ns", async () => {
  await same(
    there,
    `touch -d '2001-02-03 04:05:06.123456789 UTC' a; cp -p a b; mkdir d; touch -d @1.000000001 d; ln -s a l
     touch -h -d @1234567890.987654321 l; touch -a -d @99.5 b; stat -c '%n %y' a b d l; stat -c %x b; touch -d @-1.5 old
     stat -c %Y.%y old; touch -m -r d a; stat -c %y a; find . -newer b | sort; touch -d @5 .`,
    { times: true },
  );
});

Deno.test("a change shows in the times at once", async () => {
  const changes = {
    write: "echo x >a",
    overwrite: "echo x 1<>a",
    append: "echo x >>a",
    truncate: "truncate -s 5 a",
    create: "touch d/x",
    remove: "rm d/old",
    rename: "mv d/old d/new",
    renameInto: "mv b d/b",
    link: "ln b d/b",
    makeFolder: "mkdir d/e",
    chmod: "chmod 600 a d",
  };
  const names = Object.keys(changes).join(" ");
  const setup =
    `for i in ${names}; do mkdir -p $i/d; cd $i; echo old >a; echo b >b; touch d/old; touch -d @1 a d; cd ..; done
    touch reference; sleep .02`;
  // Looked at before and after: what the command sees counts, not only what it leaves.
  const look = (name: string, change: string) =>
    `cd ${name}; stat a d >/dev/null; ${change}; cd ..
     find ${name}/a ${name}/d -prune -newermt @1 -printf '%p written\\n'
     find ${name}/a ${name}/d -prune -newercm reference -printf '%p changed\\n'`;
  const script = Object.entries(changes).map(([name, change]) => look(name, change)).join("\n");
  const { text } = await same(there, script, { setup });
  assert.match(text, /append\/a written\nappend\/a changed\n/);
});

Deno.test("programs are run from where they were just written", async () => {
  await same(there, "cp /bin/true . && ./true && echo ran; cp /bin/echo e; ./e hello; rm true; ./true");
  await same(
    there,
    "printf '#!/bin/sh\\necho script $1\\n' >s; chmod 755 s; ./s 1; echo 'echo two' >>s; ./s 2; chmod 644 s; ./s",
  );
});

Deno.test("trees come and go", async () => {
  await same(
    there,
    `mkdir -p a/b/c/d/e; touch a/b/x a/b/c/y; cp -r a z; find . | sort; rm -r a; ls; rmdir z; rm -rf z; ls -A
     for i in $(seq 200); do mkdir d$i; echo $i >d$i/f; done; ls | wc -l; cat d*/f | sort -n | tail -n 2; rm -r d1*; ls | wc -l`,
  );
});

Deno.test("names are bytes", async () => {
  const setup = String
    .raw`mkdir "$(printf 'd\377')"; echo 1 >"$(printf 'd\377/\200\201')"; touch "$(printf 'a\nb')" -- '-n' ' ' '*'`;
  const script = String
    .raw`find . | sort; cat d*/*; echo 2 >"$(printf 'new\376')"; mv "$(printf 'new\376')" "$(printf '\303')"
    ln -s "$(printf '\303')" "$(printf 'l\300')"; readlink "$(printf 'l\300')"; cat "$(printf 'l\300')"; rm "$(printf 'a\nb')"; ls -A
    touch "$(printf '%255s' | tr ' ' x)" && ls | wc -l; touch "$(printf '%256s' | tr ' ' y)" 2>&1 | grep -c 'too long'`;
  const { stdout } = await same(there, script, { setup });
  assert.match(latin1(stdout), /\.\/d\xff\/\x80\x81\n/);
});

Deno.test("files in the system's folders can be made and removed", async () => {
  for (const folder of ["/opt", "/usr/local/lib"]) {
    const path = `${folder}/outrun-e2e-${crypto.randomUUID()}`;
    try {
      const { text, stderr } = await there.shell(`mkdir ${path} && echo here >${path}/f && cat ${path}/f`);
      assert.deepEqual([text, stderr], ["here\n", ""]);
      assert.equal(await Deno.readTextFile(`${path}/f`), "here\n");
      assert.equal((await there.run(["rm", "-r", path])).status, 0);
      assert.equal(await exists(path), false);
    } finally {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
});

Deno.test("holes, preallocation and sizes", async () => {
  await same(
    there,
    `truncate -s 100M sparse; printf end | dd of=sparse bs=1 seek=104857597 conv=notrunc status=none; stat -c %s sparse
     head -c 5 sparse | od -c; tail -c 3 sparse; dd if=/dev/zero of=b bs=1M seek=3 count=1 status=none; stat -c %s b
     cp --sparse=always b c; cmp b c && echo equal; dd if=sparse bs=1M skip=50 count=1 status=none | cksum`,
  );
  await using folder = await makeFolder();
  await there.shell("truncate -s 1G hole", { cwd: folder.path });
  const { blocks } = await Deno.stat(`${folder.path}/hole`);
  assert.ok(blocks! < 100, `${blocks} blocks`);
});

Deno.test("writes in place, over each other, and reading back what was just written", async () => {
  await same(
    there,
    `seq 100000 >f; printf XXXX | dd of=f bs=1 seek=70000 conv=notrunc status=none; cksum <f; dd if=f bs=1 skip=69998 count=8 status=none
     exec 3<>f; read -r line <&3; echo "$line"; echo overwritten >&3; exec 3>&-; head -n 3 f; sort -R --random-source=f f -o f; cksum f
     dd if=f of=f bs=4096 conv=notrunc,fsync status=none; cksum f; dd if=f of=direct bs=64k oflag=sync status=none; cmp f direct`,
  );
});

Deno.test("names that are removed while their folder is listed are gone", async () => {
  const script = `mkdir "d"; for (1..900) { open F, ">", "d/$_" }
    opendir D, "d"; my @names = grep { !/^\\./ } map { readdir D } 1..60; -e "d/$_" for @names;
    my @gone = grep { my $n = $_; !grep { $_ eq $n } @names } 1..900; splice @gone, 0, 500; splice @gone, 20;
    unlink "d/$_" for @gone; 1 while my $n = readdir D; print scalar(grep { -e "d/$_" } @gone), "\\n"`;
  await same(there, `perl -e '${script}'`);
});

Deno.test("an open file outlives its name", async () => {
  await same(
    there,
    "echo kept >a; exec 3<a 4>>a; rm a; ls -A; echo more >&4; cat <&3; stat -L -c %h /dev/fd/3; exec 3<&- 4>&-; ls -A",
  );
});

Deno.test("what this machine changes meanwhile is seen by the command, and the other way round", async () => {
  await using folder = await makeFolder();
  await using process = there.start([
    "sh",
    "-c",
    "while read -r name; do cat $name; echo from there >$name.answer; echo .; done",
  ], {
    stdin: "open",
    cwd: folder.path,
  });
  for (const round of [1, 2, 3]) {
    const name = `f${round}`;
    await Deno.writeTextFile(`${folder.path}/${name}`, `from here ${round}\n`);
    await process.write(`${name}\n`);
    await process.says(`from here ${round}\n.\n`);
    // What the command says may come before what it did to files.
    const isAnswered = async () =>
      await Deno.readTextFile(`${folder.path}/${name}.answer`).catch(() => "") === "from there\n";
    await waitUntil(isAnswered, { failure: `no ${name}.answer` });
  }
  await process.closeInput();
  assert.equal((await process.result()).status, 0);
});

Deno.test("errors are the local ones", async () => {
  await same(
    there,
    `cat nothing; cat .; mkdir a; mkdir a; rmdir nothing; touch a/f; rmdir a; ls a/f/g; cd a/f; ln a b; unlink a; mv a/f nothing/x
     >a; touch nothing/x; rm nothing; readlink a; ln -s x a/f; mknod a/f p; exec 9<nothing`,
  );
});

Deno.test("fifos carry data from one process to another", async () => {
  await same(
    there,
    `mkfifo p; stat -c %F p; (echo through >p &); cat p; rm p; mkfifo -m 600 q; mknod r p; rm r`,
  );
});

Deno.test("df, sync and access checks", async () => {
  await same(there, "df --output=source,fstype,size . | tail -n 1 | awk '{print $3}'; stat -f -c '%S %s %l %b' .");
  await same(
    there,
    `echo x >f; sync f && sync . && echo synced; chmod 400 f; test -r f && test -w f && test ! -x f && echo access
     chmod 111 f; test -x f && echo x; test -x /bin/sh && test ! -e nothing && test -d . && test -s f && echo more`,
  );
});

Deno.test("files are locked against each other", async () => {
  await same(
    there,
    `exec 8>l; flock -n 8 && echo got; flock -n l echo not || echo busy; flock -u 8; flock -n l echo free
     flock -s l flock -s -n l echo shared; flock -s l flock -x -n l echo not || echo refused`,
  );
});

Deno.test("extended attributes say what the local file system says of them", {
  ignore: !await exists("/usr/bin/setfattr"),
}, async () => {
  await same(there, "touch f; setfattr -n user.a -v b f; getfattr -d f");
});

Deno.test("200 MB are written and read back identical", async () => {
  await using folder = await makeFolder();
  const cwd = folder.path;
  const make = "seq 26000000 | head -c 200000000";
  const { text, stderr } = await there.shell(`${make} >big; sha256sum <big; cp big copy; sync copy; stat -c %s copy`, {
    cwd,
    timeoutMs: 300_000,
  });
  assert.equal(stderr, "");
  const expected = (await here.shell(`${make} | sha256sum`)).text;
  assert.equal(text, `${expected}200000000\n`);
  const local = await new Deno.Command("sh", { args: ["-c", "sha256sum <big; cmp big copy"], cwd }).output();
  assert.equal(latin1(local.stdout), expected);
  assert.equal(local.code, 0);
});
