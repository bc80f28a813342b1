/** What the first outrun gets wrong, line by line. */
import { O_CREAT, O_RDWR } from "../../../lib/linux/mod.ts";
import { waitUntil } from "../../hosts/wait.ts";
import { type Case, kernel } from "../scene.ts";
import { get, put } from "./names.ts";

const EXCHANGE = 2;

function session(play: Case["play"]): Case {
  return kernel("a session", play);
}

/** Runs a script in a folder that is nobody's own, on both sides alike. */
function inSystemFolder(folder: string): Case {
  return session(async ({ os, local, note, soon }) => {
    const name = `${folder}/outrun-conformance-test`;
    const made = await os.run(`d=${name}; mkdir $d && echo content >$d/file && cat $d/file`);
    const seen = await local.run(`cat ${name}/file; rm -rf ${name}`);
    note([made.status, seen.status]);
    await soon(async () => (await os.run(`ls -d ${name}`)).status !== 0);
  });
}

export const original: Readonly<Record<string, Case>> = {
  ">> appends": session(async ({ os, local }) => {
    await os.run("echo one >>file; echo two >>file; cat file");
    await get(local, "file");
  }),
  "cp /bin/true .": session(async ({ os }) =>
    void await os.run("cp /bin/true . && ./true && cmp true /bin/true && ls -l true | cut -c 1-10")
  ),
  "a file in /opt": inSystemFolder("/opt"),
  "a file in /usr": inSystemFolder("/usr/local/share"),
  "a name that is not UTF-8": session(async ({ os, local }) => {
    await put(local, "\xff\xfe", "content");
    await os.list(".");
    await get(os, "\xff\xfe");
    await os.run("ls | wc -l; cat * | wc -c");
  }),
  "umask 077 is the command's own": session(async ({ command }) => {
    await command(
      "umask; umask 077; echo x >private; mkdir p; stat -c %a private p; umask 022; echo x >public; stat -c %a public",
    );
  }),
  "hard links show no stale data": session(async ({ os, local }) => {
    await put(os, "one", "old");
    await os.link("one", "two");
    await get(os, "two");
    await put(os, "one", "new");
    await get(os, "two");
    await get(local, "two");
  }),
  "extended attributes": session(async ({ os }) => {
    await put(os, "file");
    await os.setxattr("file", "user.key", "value");
    await os.getxattr("file", "user.key");
  }),
  "fallocate": session(async ({ os }) =>
    void await os.run("fallocate -l 1M f && fallocate -p -o 4096 -l 8192 f && stat -c %s f")
  ),
  "O_TMPFILE": session(async ({ os }) => {
    const fd = await os.open(".", 0o20200000 | O_RDWR, 0o600);
    await os.write(fd, "nameless");
    await os.pread(fd, 10, 0);
  }),
  "O_DIRECT": session(async ({ os }) =>
    void await os.run(
      "dd if=/dev/zero of=f bs=4096 count=4 oflag=direct status=none && dd if=f bs=4096 iflag=direct status=none | wc -c",
    )
  ),
  "RENAME_EXCHANGE": session(async ({ os }) => {
    await put(os, "a", "1");
    await put(os, "b", "2");
    await os.rename("a", "b", EXCHANGE);
    await get(os, "a");
  }),
  "no .fuse_hidden files": session(async ({ os, local }) => {
    const fd = await os.open("file", O_RDWR | O_CREAT, 0o644);
    await os.write(fd, "content");
    await os.unlink("file");
    await local.list(".");
    await os.list(".");
    await os.pread(fd, 10, 0);
  }),
  "locks are seen by local processes": session(async ({ os, local }) => {
    const fd = await os.open("file", O_RDWR | O_CREAT, 0o644);
    await os.flock(fd, 2);
    await local.run("flock -n file true; echo $?");
  }),
  "exit status 255 stays 255": session(async ({ command }) => {
    for (const status of [0, 1, 127, 254, 255]) await command(`exit ${status}`);
  }),
  "the command runs as the user": session(async ({ command }) => {
    await command("id -u; id -g; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '; touch file; stat -c '%u %g' file");
  }),
  "a command that ends by a signal": session(async ({ command }) => {
    await command("kill -TERM $$");
    await command("kill -KILL $$");
  }),
  ...Object.fromEntries((["SIGKILL", "SIGTERM"] as const).map((signal) => [
    `${signal} leaves no process behind`,
    session(async ({ commandLine, folder, soon, quietly, local, os, note }) => {
      // A number that no other sleep has.
      const seconds = `4${folder.slice(-4)}`;
      const { argv: [command, ...args], env } = commandLine(`echo x >started; exec sleep ${seconds}`);
      const child = new Deno.Command(command, { args, env, clearEnv: true, cwd: folder, stdin: "null" }).spawn();
      try {
        const started = async () => await quietly(() => get(local, "started")) === "x\n";
        await waitUntil(started, { failure: "it does not start" });
      } finally {
        child.kill(signal);
      }
      await child.status;
      const left = async () => (await local.run(`pgrep -f '[s]leep ${seconds}'`)).stdout;
      await soon(async () => await left() === "");
      note(typeof await os.list("."));
    }),
  ])),
  "twenty-five starts, five at a time": session(async ({ command }) => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 5 }, () => command("echo started")));
    }
  }),
};
