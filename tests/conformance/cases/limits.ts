import { type Case, kernel } from "../scene.ts";

/** A small file system is mounted over the folder `small`, for a command alone; the script's lines share a session. */
function limited(mount: string, lines: readonly string[]): Case {
  return kernel("a session", async ({ local, command }) => {
    await local.mkdir("small", 0o777);
    await command(lines.join("\n"), ["unshare", "--mount", "sh", "-c", `${mount} && exec "$@"`, "sh"]);
  });
}

/** What dd says of a full disk, where it notices: writing, or closing what was written. */
const dd = (options: string) =>
  `dd if=/dev/zero of=small/f bs=16k count=64 status=none ${options} 2>&1 | grep -o "[^:]*$"`;
const full = "mount -t tmpfs -o size=200k,mode=1777 none small";
const readOnly = "echo content >small/f && mkdir -p small/d && mount --bind -o ro small small";
/** Nobody's bytes are lost unseen: a command that wrote too much ends with a status of its own. */
const failing = "exit 3";

/** Errors of the local disk come to whoever writes: at once, or at fsync(2) or close(2). */
export const limits: Readonly<Record<string, Case>> = {
  "a disk that gets full": limited(full, [
    `${dd("")}; ${dd("conv=fsync")}; ${dd("oflag=sync")}; : >small/f; echo content >small/g && cat small/g`,
    `fallocate -l 1M small/f 2>&1; truncate -s 1M small/f && stat -c "%s %b" small/f`,
    `cp /bin/sh small/copy 2>&1 | grep -o "[^:]*$"; rm small/copy; seq 100000 >small/f; echo $?`,
    `echo start >small/f; i=0; while echo ${"x".repeat(1000)} >>small/f; do [ $((i+=1)) -lt 999 ] || exit 4; done 2>&1`,
    failing,
  ]),
  "a disk without room for more files": limited("mount -t tmpfs -o nr_inodes=5,mode=1777 none small", [
    "for i in 1 2 3 4 5 6; do mkdir small/$i || echo x >small/f$i; done 2>&1; ln -s a small/l; mkfifo small/p; ls small",
  ]),
  "a disk that is read-only": limited(
    readOnly,
    [
      "cat small/f; echo x >small/f; echo x >>small/f; : >small/new; mkdir small/e; rm small/f; rmdir small/d; mv small/f small/g",
      "cd small; ln f g; ln -s f g; mkfifo g; chmod 600 f; chown 1 f; touch f; truncate -s 1 f",
      "setfattr -n user.a -v 1 f; cp f ../copy && cat ../copy; mv f ..; ls; dd if=/dev/null of=f conv=notrunc",
    ],
  ),
  "access(2) of a disk that is read-only": {
    ...limited(readOnly, ["test -w small/f; echo $?; test -w small; echo $?"]),
    expected: "never: with default_permissions a kernel answers access(2) by the mode alone, and does not ask FUSE",
  },
  "a limit of the process on sizes": kernel("a session", async ({ command }) => {
    await command(
      "ulimit -f 8; dd if=/dev/zero of=f bs=1k count=100 status=none; echo $?; trap '' XFSZ; dd if=/dev/zero of=f bs=1k count=100 status=none; echo $?; stat -c %s f",
    );
  }),
};
