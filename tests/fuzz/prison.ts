import assert from "node:assert/strict";
import { byteString, fromText } from "../../lib/bytes/mod.ts";
import {
  addWatch,
  AT_FDCWD,
  close,
  decodeEvents,
  Errno,
  makeWatcher,
  O_PATH,
  openAt,
  openFlags,
  read,
  readLinkAt,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  setGroup,
  setGroups,
  setNonBlocking,
  setUser,
  type Stat,
  statAt,
  statFd,
  unwrap,
} from "../../lib/linux/mod.ts";

/** Of no user and no group that the machine has. */
const USER = 65533;
/** IN_ALL_EVENTS of `linux/inotify.h`: also looking into a file, and opening it. Not: O_PATH, or its attributes. */
const ALL_EVENTS = 0xfff;

/** $1: the exported directory, however it was left; $2: not empty for root, who may have taken `foreign` away. */
const refilling = `
set -e
if [ -n "$2" ]; then chmod 1777 "$1"; fi
cd "$1"
for name in * .[!.]*; do
  if [ "$name" = proc ] || [ "$name" = foreign ] || { [ ! -e "$name" ] && [ ! -L "$name" ]; }; then continue; fi
  [ -L "$name" ] || chmod -R u+rwx "./$name" 2>/dev/null || :
  rm -rf "./$name"
done
if [ -n "$2" ]; then
  rm -rf foreign
  mkdir foreign
  mkfifo -m 666 foreign/pipe
  mknod -m 666 foreign/null c 1 3
  echo 'of root alone' > foreign/unreadable
  chmod 600 foreign/unreadable
fi
mkdir -p d/e many
seq 1000 > f
seq 10 > d/g
chmod 600 d/g
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do : > "many/file with a longer name $i"; done
ln f d/hard
ln -s ../outside/secret relative
ln -s ../../outside/folder d/up
ln -s absolute twice
ln -s /proc/self/root magic
mkfifo pipe d/pipe
`;

/** What stands in every file that must not be read. */
export const CANARY = "canary-7d1f0c54a9";

/**
 * A small file system in memory, in which an agent is locked up:
 *
 * - `inside`: the exported directory. It holds links to the outside, and `proc`, which the policy keeps from the agent
 * - `inside/foreign`: root's, with what must not be opened: a fifo, a device, a file that nobody but root may read
 * - `outside`: must never change, be opened, or be listed
 *
 * Needs a mount namespace of its own, with which everything goes.
 */
export class Prison {
  readonly path: string;
  readonly inside: string;
  readonly #kept: ReadonlyMap<string, string>;
  /** Numbers of the inodes that nothing may be told of. */
  readonly #hidden: ReadonlySet<bigint>;
  readonly #watcher: number;
  readonly #events = new Uint8Array(64 * 1024);

  /** `asUser`: root becomes an ordinary user for good, after what only root can make is made. */
  constructor({ asUser }: { asUser: boolean }) {
    this.path = Deno.makeTempDirSync({ dir: Deno.env.get("OUTRUN_FUZZ_FOLDER"), prefix: "outrun_fuzz_" });
    // Reading shows in the access time; a device node could not be opened even by mistake; what is too large fails.
    command("mount", "-t", "tmpfs", "-o", "size=48m,nodev,strictatime,mode=755", "outrun-fuzz", this.path);
    this.inside = `${this.path}/inside`;
    this.#furnish();
    const root = Deno.uid() === 0;
    if (asUser) {
      assert.ok(root, "only root can become another user");
      this.refill();
      // The folder itself, proc and foreign stay root's, and its sticky bit keeps them there.
      command("sh", "-c", `cd ${this.inside} && chown -hR ${USER}:${USER} [!fp]* f pipe`);
      for (const result of [setGroups([]), setGroup(USER), setUser(USER)]) unwrap(result, "become an ordinary user");
    }
    this.#kept = this.#describeKept();
    const hidden = ["", "outside", "outside/secret", "outside/pipe", "outside/folder", "outside/folder/secret"];
    this.#hidden = new Set(hidden.map((name) => this.#stat(name).ino));
    this.#watcher = unwrap(makeWatcher(), "watch");
    unwrap(setNonBlocking(this.#watcher), "watch");
    for (const folder of ["outside", "outside/folder", "inside/proc"]) this.#watch(folder);
  }

  /** Nothing was looked into that must not be. To be called often: it says which request did it. */
  checkQuiet(): void {
    const length = read(this.#watcher, this.#events);
    if (length === -Errno.EAGAIN) return;
    const events = decodeEvents(this.#events.subarray(0, unwrap(length, "read events")));
    const seen = events.map(({ mask, name }) => `${name || "a folder"}: 0x${mask.toString(16)}`);
    assert.fail(`what is outside was touched: ${seen.join(", ")}`);
  }

  /** What an answer tells of is inside, and on this file system. */
  checkTold({ dev, ino }: Stat): void {
    assert.equal(dev, this.#stat("").dev);
    assert.ok(!this.#hidden.has(ino), "what is outside was told of");
  }

  /** The outside is as it was, access times included. */
  checkOutside(): void {
    this.checkQuiet();
    assert.deepEqual([...this.#describeKept()], [...this.#kept]);
  }

  /** Empties the exported directory and fills it anew. */
  refill(): void {
    command("sh", "-c", refilling, "sh", this.inside, Deno.uid() === 0 ? "root" : "");
    Deno.symlinkSync(`${this.path}/outside/secret`, `${this.inside}/absolute`);
  }

  /** Descriptors of this process that lead into the prison are for what is inside, and open for nothing but files. */
  checkDescriptors(most: number): void {
    const open = this.#descriptors();
    assert.ok(open.length <= most, `${open.length} descriptors: ${open.map(({ to }) => to).join(", ")}`);
    for (const { fd, to } of open) {
      const good = to === this.inside || to.startsWith(`${this.inside}/`) || /^\S*\/#\d+ \(deleted\)$/.test(to);
      assert.ok(good && !to.startsWith(`${this.inside}/proc/`), `descriptor ${fd} leads to ${to}`);
      const stat = statFd(fd);
      assert.ok(typeof stat !== "number");
      const isOrdinary = [S_IFREG, S_IFDIR].includes(stat.mode & S_IFMT);
      assert.ok(isOrdinary || (openFlags(fd) & O_PATH) !== 0, `${to} is open`);
    }
  }

  #descriptors(): { fd: number; to: string }[] {
    const open = [];
    for (const { name: fd } of [...Deno.readDirSync("/proc/self/fd")]) {
      const target = readLinkAt(AT_FDCWD, fromText(`/proc/self/fd/${fd}`));
      // The descriptor with which the folder was listed.
      if (typeof target === "number") continue;
      const to = byteString(target);
      if (to.startsWith(this.path)) open.push({ fd: Number(fd), to });
    }
    return open;
  }

  #furnish(): void {
    for (const folder of ["inside", "outside", "outside/folder", "inside/proc", "inside/proc/folder"]) {
      Deno.mkdirSync(`${this.path}/${folder}`);
    }
    // Open to everybody: permissions are not to hide a way out.
    for (const file of ["outside/secret", "outside/folder/secret", "inside/proc/secret"]) {
      Deno.writeTextFileSync(`${this.path}/${file}`, CANARY);
      Deno.chmodSync(`${this.path}/${file}`, 0o666);
    }
    for (const folder of ["outside", "outside/folder"]) Deno.chmodSync(`${this.path}/${folder}`, 0o777);
    command("mkfifo", `${this.path}/outside/pipe`);
  }

  #watch(folder: string): void {
    const fd = unwrap(openAt(AT_FDCWD, fromText(`${this.path}/${folder}`), O_PATH), `watch ${folder}`);
    unwrap(addWatch(this.#watcher, fd, ALL_EVENTS), `watch ${folder}`);
    close(fd);
  }

  /** By attributes alone: looking into a file would change them. */
  #describeKept(): Map<string, string> {
    const names = ["outside", "outside/secret", "outside/pipe", "outside/folder", "outside/folder/secret"];
    names.push("inside/proc", "inside/proc/secret", "inside/proc/folder");
    const text = (stat: Stat) => JSON.stringify(stat, (_, value) => typeof value === "bigint" ? String(value) : value);
    return new Map(names.map((name) => [name, text(this.#stat(name))]));
  }

  #stat(name: string): Stat {
    const stat = statAt(AT_FDCWD, fromText(`${this.path}/${name}`));
    assert.ok(typeof stat !== "number", `${name} cannot be looked at`);
    return stat;
  }
}

function command(name: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(name, { args }).outputSync();
  if (!success) throw new Error(`Cannot run ${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
