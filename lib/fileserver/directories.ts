import type { ByteString } from "../bytes/mod.ts";
import {
  close,
  Errno,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  S_IFMT,
  S_IFREG,
  type Stat,
  statFd,
} from "../linux/mod.ts";
import { ANY_INODE, type BindIn, FIRST_LOCAL_DIRECTORY, type LookupOut, ROOT_DIRECTORY } from "../protocol/mod.ts";
import { findAt } from "./lookup.ts";
import type { Policy } from "./policy.ts";
import type { Watches } from "./watches.ts";

/** A directory that a number stands for. */
interface Bound {
  /** O_PATH; or minus errno, which is then what every use of the number gives. */
  readonly fd: number;
  readonly dev: number;
  /** What tells the directory from others; absent without a descriptor. */
  readonly key?: string;
}

/** How the table is made. */
export interface DirectoriesOptions {
  /** Descriptor of the exported root; closed with the table. */
  readonly root: number;
  readonly policy: Policy;
  /** Most numbers in use, failed ones included. */
  readonly limit: number;
  /** Most with which directories are told of ahead: each takes a descriptor, and files that are open need some, too. */
  readonly aheadLimit?: number;
  /** Told of every directory that a number comes to stand for, and ceases to. */
  readonly watches?: Watches;
  /** Told of every number of the agent's from which on changes in the directory are told. */
  readonly onWatched?: (dir: number) => void;
}

/**
 * The numbers that stand for directories: those the agent gave, and our own of the start pack. A bind that fails is remembered: the agent has used the number in the same
 * flight already, and those requests must fail for the same reason.
 */
export class Directories {
  readonly #bound = new Map<number, Bound>();
  /** The numbers bound last, by what they stand for. */
  readonly #numbers = new Map<string, number>();
  readonly #policy: Policy;
  readonly #limit: number;
  readonly #aheadLimit: number;
  readonly #watches: Watches | undefined;
  readonly #onWatched: (dir: number) => void;
  readonly #rootWatched: boolean;
  #next = FIRST_LOCAL_DIRECTORY;

  constructor({ root, policy, limit, aheadLimit = limit, watches, onWatched = () => {} }: DirectoriesOptions) {
    this.#policy = policy;
    this.#limit = limit;
    this.#aheadLimit = aheadLimit;
    this.#watches = watches;
    this.#onWatched = onWatched;
    this.#rootWatched = watches?.add(ROOT_DIRECTORY, root) ?? false;
    if (this.#rootWatched) onWatched(ROOT_DIRECTORY);
    const stat = statFd(root);
    this.#bound.set(ROOT_DIRECTORY, { fd: root, dev: typeof stat === "number" ? 0 : stat.dev });
  }

  /** The directory's descriptor (the table keeps it), or minus errno: EBADF for a number that was never bound. */
  find(dir: number): number {
    return this.#bound.get(dir)?.fd ?? -Errno.EBADF;
  }

  /** As {@link find}, for doing something to `name` in there beyond looking at it: EACCES where the policy says no. */
  findFor(dir: number, name: ByteString): number {
    return this.#policy.refusesName(dir, name) ? -Errno.EACCES : this.find(dir);
  }

  /** What is told of `name` in the directory, or minus errno. A file that has other names as well is watched for itself. */
  look(dir: number, name: ByteString): LookupOut | number {
    const fd = this.find(dir);
    if (fd < 0) return fd;
    const found = findAt(fd, name);
    if (this.#watches === undefined) return found;
    if (typeof found === "number" || !hasOtherNames(found)) this.#watches.removeFile(dir, name);
    else if (this.#watches.addFile(dir, fd, name)) return this.#lookWatched(fd, name, found);
    return found;
  }

  #lookWatched(fd: number, name: ByteString, found: LookupOut): LookupOut | number {
    // It may have changed before it was watched.
    const now = findAt(fd, name);
    if (typeof now === "number" || keyOf(now.stat) !== keyOf(found.stat)) return now;
    return { ...now, stat: { ...now.stat, isWatched: true } };
  }

  /** Whether `dev` is another device than the one the directory is on. */
  isBorder(dir: number, dev: number): boolean {
    return this.#bound.get(dir)?.dev !== dev;
  }

  /**
   * Lets a number of the agent's stand for a directory; 0, or minus errno. EBUSY (a number in use), EINVAL (0, the root's and
   * ours) and ENFILE leave the table as it was; any other failure stays with the number until it is bound again or unbound.
   */
  bind(message: BindIn): number {
    const { id } = message;
    if (id <= ROOT_DIRECTORY || id >= FIRST_LOCAL_DIRECTORY) return -Errno.EINVAL;
    const before = this.#bound.get(id);
    if (before !== undefined && before.fd >= 0) return -Errno.EBUSY;
    if (before === undefined && this.#bound.size >= this.#limit) return -Errno.ENFILE;
    const fd = this.#open(message);
    this.#note(id, { fd, dev: message.dev });
    if (fd >= 0 && this.#watches?.add(id, fd)) this.#onWatched(id);
    return Math.min(fd, 0);
  }

  /** Gives a number of ours to a directory, before anything is told of it; undefined where it cannot be had. */
  introduce(message: Omit<BindIn, "id">): { dir: number; watched: boolean } | undefined {
    if (this.#bound.size >= this.#aheadLimit) return undefined;
    const fd = this.#open(message);
    if (fd < 0) return undefined;
    const dir = this.#next++;
    this.#note(dir, { fd, dev: message.dev });
    return { dir, watched: this.#watches?.add(dir, fd) ?? false };
  }

  /**
   * The same for one of which the agent was told that it is `stat`. That was before its watch: where it is something else
   * by now, `retell` is called with what it is, for the agent to hear of before it hears of the number.
   */
  introduceTold(
    { parent, name, stat }: { parent: number; name: ByteString; stat: Stat },
    retell: (found: LookupOut) => void,
  ): { dir: number; watched: boolean } | undefined {
    const number = this.introduce({ parent, name, dev: stat.dev, ino: stat.ino });
    if (number === undefined) return undefined;
    const now = statFd(this.find(number.dir));
    if (typeof now !== "number" && now.ctime === stat.ctime && now.ctimeNsec === stat.ctimeNsec) return number;
    const found = this.look(parent, name);
    if (typeof found !== "number" && keyOf(found.stat) === keyOf(stat)) {
      retell(found);
      return number;
    }
    this.unbind(number.dir);
    return undefined;
  }

  /** A number that stands for a directory already. Its descriptor keeps the inode, so nothing else can be that. */
  numberOf(inode: { dev: number; ino: bigint }): number | undefined {
    return this.#numbers.get(keyOf(inode));
  }

  /** How many numbers are in use. */
  get size(): number {
    return this.#bound.size;
  }

  /** Whether changes in the exported root are told. */
  get isRootWatched(): boolean {
    return this.#rootWatched;
  }

  /** Frees a number; 0, or minus errno. */
  unbind(id: number): number {
    if (id === ROOT_DIRECTORY) return -Errno.EINVAL;
    const bound = this.#bound.get(id);
    if (bound === undefined) return -Errno.EBADF;
    this.#watches?.remove(id);
    if (bound.key !== undefined && this.#numbers.get(bound.key) === id) this.#numbers.delete(bound.key);
    if (bound.fd >= 0) close(bound.fd);
    this.#bound.delete(id);
    return 0;
  }

  /** Closes every descriptor, the root's too. */
  close(): void {
    for (const { fd } of this.#bound.values()) if (fd >= 0) close(fd);
    this.#bound.clear();
  }

  #note(number: number, { fd, dev }: Bound): void {
    const stat = fd < 0 ? fd : statFd(fd);
    const key = typeof stat === "number" ? undefined : keyOf(stat);
    this.#bound.set(number, { fd, dev, key });
    if (key !== undefined) this.#numbers.set(key, number);
  }

  #open({ parent, name, dev, ino }: Omit<BindIn, "id">): number {
    const above = this.findFor(parent, name);
    if (above < 0) return above;
    const fd = openAt(above, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
    if (fd < 0) return replaced.has(-fd) ? -Errno.ESTALE : fd;
    const refused = this.#check(fd, { parent, dev, ino });
    if (refused === 0) return fd;
    close(fd);
    return refused;
  }

  #check(fd: number, { parent, dev, ino }: { parent: number; dev: number; ino: bigint }): number {
    const stat = statFd(fd);
    if (typeof stat === "number") return stat;
    if (stat.dev !== dev || (ino !== ANY_INODE && stat.ino !== ino)) return -Errno.ESTALE;
    return this.isBorder(parent, dev) && this.#policy.refusesFileSystem(fd) ? -Errno.EACCES : 0;
  }
}

function hasOtherNames({ stat: { mode, nlink } }: LookupOut): boolean {
  return (mode & S_IFMT) === S_IFREG && nlink > 1;
}

function keyOf({ dev, ino }: { dev: number; ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** What opening says when the name is gone, or no directory any more (a link in its place included). */
const replaced: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP]);
