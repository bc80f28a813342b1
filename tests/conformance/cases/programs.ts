import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import { type Cases, kernel, type Play } from "../scene.ts";
import { get, put } from "./names.ts";

const NEW = O_RDWR | O_CREAT | O_TRUNC;
const PAGE = 4096;

function mapped(play: Play) {
  return kernel("mmap(2)", play);
}

function run(script: string) {
  return kernel("programs", async ({ os }) => void await os.run(script));
}

export const memory: Cases = {
  "a private mapping, written or not, changes no file": mapped(async ({ os, local }) => {
    await put(os, "file", "0123456789");
    const fd = await os.open("file", O_RDONLY);
    const map = await os.map(fd, { offset: 0, length: PAGE, write: true, shared: false });
    await os.peek(map, 0, 12);
    await os.poke(map, 2, "XY");
    await os.peek(map, 0, 12);
    await os.unmap(map);
    await get(local, "file");
  }),
  "a shared mapping and write() see each other": mapped(async ({ os }) => {
    const fd = await os.open("file", NEW, 0o644);
    await os.write(fd, "x".repeat(2 * PAGE));
    const map = await os.map(fd, { offset: 0, length: 2 * PAGE, write: true, shared: true });
    await os.poke(map, PAGE - 2, "mapped");
    await os.pread(fd, 10, PAGE - 4);
    await os.pwrite(fd, "written", 100);
    await os.peek(map, 98, 12);
    await os.unmap(map);
  }),
  "what was written by mapping is on the local disk after msync()": mapped(async ({ os, local }) => {
    const fd = await os.open("file", NEW, 0o644);
    await os.ftruncate(fd, 5 * PAGE);
    const map = await os.map(fd, { offset: PAGE, length: 3 * PAGE, write: true, shared: true });
    await os.poke(map, 0, "one");
    await os.poke(map, 2 * PAGE + 7, "two");
    await os.msync(map);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, PAGE);
    await os.unmap(map);
  }),
  "what was written by mapping is on the local disk after close()": mapped(async ({ os, local }) => {
    const fd = await os.open("file", NEW, 0o644);
    await os.ftruncate(fd, 2 * PAGE);
    const map = await os.map(fd, { offset: 0, length: 2 * PAGE, write: true, shared: true });
    await os.poke(map, 10, "by mapping");
    await os.unmap(map);
    await os.close(fd);
    const there = await local.open("file", O_RDONLY);
    await local.digest(there, PAGE);
  }),
  "a mapping outlives its descriptor and its name": mapped(async ({ os, local }) => {
    const fd = await os.open("file", NEW, 0o644);
    await os.write(fd, "content");
    const map = await os.map(fd, { offset: 0, length: PAGE, write: true, shared: true });
    await os.close(fd);
    await os.link("file", "second");
    await os.unlink("file");
    await os.poke(map, 0, "C");
    await os.peek(map, 0, 10);
    await os.msync(map);
    await os.unmap(map);
    await get(local, "second");
  }),
  "two processes share memory": mapped(async ({ os, other }) => {
    const a = await os.open("file", NEW, 0o644);
    await os.ftruncate(a, PAGE);
    const b = await other.open("file", O_RDWR);
    const how = { offset: 0, length: PAGE, write: true, shared: true };
    const one = await os.map(a, how);
    const two = await other.map(b, how);
    await os.poke(one, 5, "from one");
    await other.peek(two, 5, 8);
    await other.poke(two, 50, "from two");
    await os.peek(one, 50, 8);
  }),
  "a large local file is mapped and read here and there": mapped(async ({ os, local }) => {
    const there = await local.open("file", NEW, 0o644);
    await local.fill(there, { offset: 0, size: 3_000_000, seed: 11 });
    const fd = await os.open("file", O_RDONLY);
    const map = await os.map(fd, { offset: 0, length: 3_000_000, write: false, shared: true });
    for (const at of [0, 2_999_990, 1_500_000, 4_090, 131_000]) await os.peek(map, at, 10);
    await os.unmap(map);
  }),
  "mappings that are refused": mapped(async ({ os }) => {
    await put(os, "file", "content");
    const reader = await os.open("file", O_RDONLY);
    const writer = await os.open("file", O_WRONLY);
    await os.map(reader, { offset: 0, length: PAGE, write: true, shared: true });
    await os.map(writer, { offset: 0, length: PAGE, write: false, shared: true });
    await os.map(reader, { offset: 1, length: PAGE, write: false, shared: true });
    await os.map(reader, { offset: 0, length: 0, write: false, shared: true });
    const folder = await os.open(".", O_RDONLY);
    await os.map(folder, { offset: 0, length: PAGE, write: false, shared: true });
  }),
};

export const programs: Cases = {
  "a program that was just copied": run("cp /bin/true . && ./true && echo ran && cmp /bin/true true"),
  "a script that was just written": run(`printf '#!/bin/sh\\necho "$0 $1"\\n' >s && chmod +x s && ./s word`),
  "a script without an interpreter, and one that is none": run(
    `printf '#!/none\\n' >a; printf 'echo plain\\n' >b; printf '\\177ELF nothing' >c; chmod +x a b c; ./a; echo $?; sh b; ./c; echo $?`,
  ),
  "a program that runs cannot be written": run(
    `cp /bin/sleep .; ./sleep 100 & until readlink /proc/$!/exe | grep -q /sleep; do :; done
     echo x 2>&1 >>sleep; echo $?; rm sleep; cp /bin/true sleep && ./sleep && echo new; kill $!`,
  ),
  "a program is replaced while it runs": run(
    `cp /bin/sh s; ./s -c 'cp /bin/true s.new; mv s.new s; ./s && echo replaced; echo still running'; ls`,
  ),
  "output appended by many": run(
    "for i in 1 2 3 4; do (for j in 1 2 3 4 5 6 7 8 9 10; do echo $i.$j >>log; done) & done; wait; wc -l <log; sort log | uniq | wc -l; sort -o log log",
  ),
  "here documents, pipes and redirections": run(
    "cat >a <<X\none\ntwo\nX\nsort -r <a >b; cat a b | tee c | wc -l; cat <a >d 2>&1; exec 3<>e; echo x >&3; cat e; : >a; wc -c a",
  ),
  "sed -i, sort -o, patch in place": run(
    "seq 1 100 >f; sed -i s/5/five/ f; sort -o f f; head -n 20 f; sed -i.bak 1d f; ls; wc -l f f.bak",
  ),
  "tar out and in, with all types": run(
    `mkdir -p t/a; echo x >t/a/f; ln t/a/f t/hard; ln -s a/f t/soft; mkfifo t/fifo; chmod 4711 t/a/f; touch -d 2001-02-03 t/a/f t/a
     tar cf t.tar t && mkdir u && tar xpf t.tar -C u && find t -printf '%P %y %m %n %s %l\\n' | sort >1 && (cd u && find t -printf '%P %y %m %n %s %l\\n' | sort) >2 && cmp 1 2 && echo same; stat -c %Y u/t/a/f; rm t.tar`,
  ),
  "cp -a keeps everything": run(
    "mkdir a; echo x >a/f; ln a/f a/g; ln -s f a/l; chmod 2750 a; touch -d '1999-12-31 23:59:59.123456789' a/f; cp -a a b; find b -printf '%P %y %m %n %s %l %T@\\n' | grep -v '^ ' | grep -v ' l ' | sort",
  ),
  "mktemp, ln -sf, install, mv -n, truncate, split": run(
    "f=$(mktemp ./XXXXXX) && test -O $f && rm $f; ln -s a l; ln -sf b l; readlink l; install -m 751 -d i; install -m 640 /dev/null i/f; stat -c %a i i/f; echo 1 >x; echo 2 >y; mv -n x y; cat y; truncate -s 10K z; split -b 4K z part; ls",
  ),
  "find, du and ls agree": run(
    "mkdir -p a/b; for i in 1 2 3 4 5; do echo $i >a/f$i; echo $i >a/b/g$i; done; find a -type f | wc -l; ls -R a | wc -l; find a -name 'g*' -delete; find a -newer a/f1 -type f | wc -l >/dev/null; ls a/b; find a -empty",
  ),
  "perl reads, writes and seeks": run(
    `perl -e 'open F,"+>f"; print F "hello world\\n"; seek F,6,0; read F,$x,5; print "$x\\n"; truncate F,4; close F; print -s "f","\\n"; utime 5,6,"f"; print +(stat "f")[9],"\\n"; opendir D,"."; print join(",",sort grep !/^\\.\\.?$/,readdir D),"\\n"'`,
  ),
  "a program that changes to a folder that is removed": run(
    "mkdir d; cd d; rmdir ../d; ls; echo x >f; echo $?; cd ..; ls",
  ),
  "standard input and output are files of the folder": run(
    "echo in >i; cat <i >o 2>e; wc -c <i; (echo a; echo b >&2) >o 2>>o; sort o; cat o >>i; tail -n 1 i; exec <i; read line; echo $line",
  ),
};
