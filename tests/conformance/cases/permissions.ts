import { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../lib/linux/mod.ts";
import type { Calls } from "../os.ts";
import { type Case, type Play } from "../scene.ts";
import { kernel } from "../scene.ts";
import { get, put } from "./names.ts";

const [ALICE, BOB, TEAM] = [20_001, 20_002, 20_003];

/** All of these are the kernel's to check. An ordinary user cannot become somebody: then that is compared. */
function checked(play: Play): Case {
  return kernel("checking permissions", play);
}

/** A name for each mode: an inode's number may be used again once its file is gone, and runs differ by that. */
function named(mode: number): string {
  return `file-${mode.toString(8)}`;
}

async function tryEverything(os: Calls, path: string): Promise<void> {
  for (const flags of [O_RDONLY, O_WRONLY, O_RDWR]) {
    const fd = await os.open(path, flags);
    if (fd >= 0) await os.close(fd);
  }
  await os.access(path, 4);
  await os.access(path, 2);
  await os.access(path, 1);
  await os.truncate(path, 3);
  await os.chmod(path, 0o777);
  await os.chown(path, BOB, -1);
  await os.setTimes(path, { atime: "now", mtime: "now" });
  await os.setTimes(path, { atime: "1", mtime: "1" });
}

export const permissions: Readonly<Record<string, Case>> = {
  "a stranger's file": checked(async ({ os }) => {
    for (const mode of [0o600, 0o644, 0o622, 0o666, 0o611]) {
      const file = named(mode);
      await put(os, file, "content");
      await os.chmod(file, mode);
      await os.become(ALICE, ALICE);
      await tryEverything(os, file);
      await os.become(0, 0);
      await os.stat(file);
    }
  }),
  "an own file": checked(async ({ os }) => {
    for (const mode of [0o000, 0o200, 0o400, 0o077]) {
      const file = named(mode);
      await put(os, file, "content");
      await os.chown(file, ALICE, ALICE);
      await os.chmod(file, mode);
      await os.become(ALICE, ALICE);
      await tryEverything(os, file);
      await os.become(0, 0);
      await os.stat(file);
    }
  }),
  "a file of the own group": checked(async ({ os }) => {
    for (const mode of [0o660, 0o640, 0o606, 0o006]) {
      await put(os, "file", "content");
      await os.chown("file", BOB, TEAM);
      await os.chmod("file", mode);
      await os.become(ALICE, TEAM);
      await tryEverything(os, "file");
      await os.become(0, 0);
      await os.unlink("file");
    }
  }),
  "a folder that may not be searched, listed or written": checked(async ({ os }) => {
    for (const mode of [0o700, 0o744, 0o711, 0o722, 0o733, 0o755]) {
      const d = named(mode);
      await os.mkdir(d, 0o755);
      await put(os, `${d}/file`, "content");
      await os.chmod(d, mode);
      await os.become(ALICE, ALICE);
      await os.stat(`${d}/file`);
      await os.stat(`${d}/none`);
      await get(os, `${d}/file`);
      await os.list(d);
      await os.open(`${d}/new`, O_WRONLY | O_CREAT, 0o644);
      await os.mkdir(`${d}/sub`, 0o755);
      await os.symlink("x", `${d}/link`);
      await os.link(`${d}/file`, `${d}/hard`);
      await os.rename(`${d}/file`, `${d}/renamed`);
      await os.rename(`${d}/renamed`, `${d}/file`);
      await os.unlink(`${d}/file`);
      await os.become(0, 0);
    }
  }),
  "what somebody makes is theirs": checked(async ({ os, local }) => {
    await os.become(ALICE, TEAM);
    await put(os, "file", "content");
    await os.mkdir("d", 0o755);
    await os.symlink("x", "link");
    await os.mknod("fifo", 0o010644);
    await put(os, "d/below", "content");
    await get(os, "file");
    for (const name of ["file", "d", "link", "fifo", "d/below"]) {
      await os.lstat(name);
      await local.lstat(name);
    }
    await os.chmod("file", 0o600);
    await os.unlink("fifo");
    await os.rename("file", "d/moved");
  }),
  "a sticky folder": checked(async ({ os }) => {
    await os.mkdir("d", 0o777);
    await os.chmod("d", 0o1777);
    await os.become(ALICE, ALICE);
    await put(os, "d/alice", "content");
    await os.become(BOB, BOB);
    await os.unlink("d/alice");
    await os.rename("d/alice", "d/taken");
    await put(os, "d/bob", "content");
    await os.rename("d/bob", "d/alice");
    await os.unlink("d/bob");
    await os.become(ALICE, ALICE);
    await os.unlink("d/alice");
  }),
  "a setgid folder gives its group": checked(async ({ os, local }) => {
    await os.mkdir("d", 0o777);
    await os.chown("d", -1, TEAM);
    await os.chmod("d", 0o2777);
    await put(os, "d/root", "content");
    await os.become(ALICE, ALICE);
    await put(os, "d/alice", "content");
    await os.mkdir("d/sub", 0o755);
    await os.close(await os.open("d/setgid", O_WRONLY | O_CREAT, 0o2775));
    for (const name of ["root", "alice", "sub", "setgid"]) {
      await os.stat(`d/${name}`);
      await local.stat(`d/${name}`);
    }
  }),
  "setuid and setgid go when somebody writes": checked(async ({ os, local }) => {
    for (const mode of [0o4777, 0o2777, 0o6777, 0o2767]) {
      const file = named(mode);
      await put(os, file, "content");
      await os.chmod(file, mode);
      await os.become(ALICE, ALICE);
      const fd = await os.open(file, O_RDWR);
      await os.write(fd, "C");
      await os.fstat(fd);
      await os.close(fd);
      await local.stat(file);
      await os.become(0, 0);
      await os.chmod(file, mode);
      await os.become(ALICE, ALICE);
      await os.truncate(file, 2);
      await os.stat(file);
      await os.become(0, 0);
      await os.chmod(file, mode);
      await os.become(ALICE, ALICE);
      await os.close(await os.open(file, O_WRONLY | O_TRUNC));
      await os.stat(file);
      await os.become(0, 0);
    }
  }),
  "root writes, and setuid stays": checked(async ({ os, local }) => {
    await put(os, "file", "content");
    await os.chmod("file", 0o6777);
    const fd = await os.open("file", O_RDWR);
    await os.write(fd, "C");
    await os.fstat(fd);
    await os.close(fd);
    await local.stat("file");
  }),
  "chmod() with a group that is not one's own takes setgid off": checked(async ({ os }) => {
    await put(os, "file");
    await os.chown("file", ALICE, TEAM);
    await os.become(ALICE, ALICE);
    await os.chmod("file", 0o2755);
    await os.stat("file");
    await os.become(ALICE, TEAM);
    await os.chmod("file", 0o2755);
    await os.stat("file");
  }),
  "who may link to a stranger's file": checked(async ({ os }) => {
    await put(os, "secret", "content");
    await os.chmod("secret", 0o600);
    await put(os, "public", "content");
    await os.chmod("public", 0o666);
    await os.become(ALICE, ALICE);
    await os.link("secret", "x");
    await os.link("public", "y");
    await os.list(".");
  }),
  "a handle outlives the permission it was opened by": checked(async ({ os }) => {
    await put(os, "file", "content");
    await os.chmod("file", 0o666);
    await os.become(ALICE, ALICE);
    const fd = await os.open("file", O_RDWR);
    await os.become(0, 0);
    await os.chmod("file", 0o000);
    await os.become(ALICE, ALICE);
    await os.read(fd, 3);
    await os.write(fd, "X");
    await os.ftruncate(fd, 5);
    await os.open("file", O_RDONLY);
    await os.become(0, 0);
    await get(os, "file");
  }),
  "an open folder outlives the permission it was opened by": checked(async ({ os }) => {
    await os.mkdir("d", 0o755);
    await put(os, "d/file", "content");
    await os.become(ALICE, ALICE);
    const fd = await os.open("d", O_RDONLY | O_DIRECTORY);
    await os.become(0, 0);
    await os.chmod("d", 0o700);
    await os.become(ALICE, ALICE);
    await os.openAt(fd, "file", O_RDONLY);
    await os.list("d");
    await os.fstat(fd);
  }),
  "permission is lost at once": checked(async ({ os, other }) => {
    await os.mkdir("d", 0o755);
    await put(os, "d/file", "content");
    await other.become(ALICE, ALICE);
    await get(other, "d/file");
    await os.chmod("d", 0o700);
    await get(other, "d/file");
    await os.chmod("d", 0o755);
    await os.chmod("d/file", 0o600);
    await get(other, "d/file");
    await os.chmod("d/file", 0o604);
    await get(other, "d/file");
  }),
  "programs run by the mode's word": checked(async ({ os }) => {
    await put(os, "script", "#!/bin/sh\necho ran as $(id -u)\n");
    for (const mode of [0o644, 0o755, 0o744, 0o711]) {
      await os.chmod("script", mode);
      await os.run("./script");
      await os.access("script", 1);
    }
  }),
};
