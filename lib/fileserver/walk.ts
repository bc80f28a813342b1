/**
 * A tree ahead of whoever walks through it: a directory is given a number and a watch, unless it has them, and that is
 * told; then what is in it, name by name, each as it is at that moment; then its files' contents and its directories, in
 * the order of its listing. Nothing is looked at before there is room for it in the pipe.
 */
import type { ByteString } from "../bytes/mod.ts";
import {
  close,
  type ContentStamp,
  duplicate,
  Errno,
  isSameContent,
  O_NOATIME,
  readAtAsync,
  readAtNoWait,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  type Stat,
  statFd,
} from "../linux/mod.ts";
import { MAX_DATA, type PackRecord, type WalkIn } from "../protocol/mod.ts";
import type { Context } from "./context.ts";
import { isHalf, loadNames, namesIn } from "./names.ts";
import { openRegular } from "./open.ts";
import { pin } from "./references.ts";

/** What was changed so short a time ago may change again without a new time: that moves in ticks of the kernel. */
const RECENT_MS = 250;
/** The same where file systems round times, as FAT does: to whole ms or more. See Digests of lib/prefetch, too. */
const RECENT_ROUNDED_MS = 2000;
const ROUNDED_NSEC = 1_000_000;
/** Directories that may wait for their turn. */
const MAX_WAITING = 1 << 16;

/** The next record of a walk; or it has to wait for the disk; or nothing follows. */
export type Step = PackRecord | "wait" | undefined;

/** Something whose turn comes later: a directory, or a file's content. */
interface Job {
  readonly parent: number;
  readonly name: ByteString;
  readonly stat: Stat;
  /** Of directories, in which the one that walks is: where. */
  readonly from: readonly bigint[];
}

/** One walk, which goes on whenever it is asked to. */
export class Walk {
  readonly #context: Context;
  readonly #top: WalkIn;
  readonly #device: number;
  readonly #steps: Generator<PackRecord | "wait">;
  #jobs: Job[] = [];
  /** What a file's content is read into. */
  readonly #buffer = new Uint8Array(MAX_DATA);
  #contents: boolean;
  /** The sums of the places at which the one that walks was found, by order. */
  readonly #places = orders.map(() => 0);

  constructor(context: Context, top: WalkIn) {
    this.#context = context;
    this.#top = top;
    this.#contents = top.contents;
    const stat = statFd(context.directories.find(top.dir));
    this.#device = typeof stat === "number" ? -1 : stat.dev;
    this.#steps = this.#run();
  }

  /** Records in order. The bytes of contents are valid until the next step. */
  next(): Step {
    const { value, done } = this.#steps.next();
    return done ? undefined : value;
  }

  /** The one that walks is in a directory whose turn has not come: what was to come before it, it has passed. */
  moveTo(from: readonly bigint[]): void {
    for (let depth = from.length - 1; depth >= 0; depth--) {
      const at = this.#jobs.findIndex(({ stat }) => stat.ino === from[depth] && isDirectory(stat));
      if (at < 0) continue;
      this.#jobs[at] = { ...this.#jobs[at], from: from.slice(depth + 1) };
      // The next one is at the begin or at the end: see #run.
      const cut = this.#top.breadth ? at : at + 1;
      this.#jobs = [...this.#jobs.slice(cut), ...this.#jobs.slice(0, cut)];
      return;
    }
  }

  /** Gives up what it holds. */
  close(): void {
    this.#steps.return(undefined);
    this.#jobs = [];
  }

  *#run(): Generator<PackRecord | "wait"> {
    yield* this.#list(this.#top.dir, { from: this.#top.from, isTop: true });
    while (this.#jobs.length > 0) {
      const job = this.#top.breadth ? this.#jobs.shift()! : this.#jobs.pop()!;
      if (isDirectory(job.stat)) yield* this.#enter(job);
      else yield* this.#read(job);
    }
    yield { kind: "end", dir: this.#top.dir };
  }

  *#enter({ parent, name, stat, from }: Job): Generator<PackRecord | "wait"> {
    const { directories } = this.#context;
    const known = directories.numberOf(stat);
    if (known !== undefined) {
      yield { kind: "begin", dir: known };
      return yield* this.#list(known, { from });
    }
    const renewed: PackRecord[] = [];
    const number = directories.introduceTold({ parent, name, stat }, (found) => {
      renewed.push({ kind: "entry", dir: parent, name, found });
    });
    if (number === undefined) return;
    yield* renewed;
    yield { kind: "directory", parent, name, ...number };
    yield* this.#list(number.dir, { from });
  }

  /** Tells of the names in a directory, and notes what its turn is to come to. */
  *#list(
    dir: number,
    { from, isTop = false }: { from: readonly bigint[]; isTop?: boolean },
  ): Generator<PackRecord | "wait"> {
    const { directories } = this.#context;
    const names = yield* this.#namesIn(directories.find(dir));
    if (names === undefined) return;
    const jobs: Job[] = [];
    let isBlurred = false;
    for (const name of names) {
      // Given up by the agent meanwhile.
      if (directories.find(dir) < 0) return;
      const result = directories.look(dir, name);
      const found = typeof result === "number" || isHalf(result) ? undefined : result;
      if (found === undefined && result !== -Errno.ENOENT) {
        isBlurred = true;
        continue;
      }
      if (!isTop || (found !== undefined && isDirectory(found.stat))) yield { kind: "entry", dir, name, found };
      if (found !== undefined && this.#isWanted(found.stat)) {
        jobs.push({ parent: dir, name, stat: found.stat, from: [] });
      }
    }
    if (!isBlurred && !isTop) yield { kind: "complete", dir };
    this.#note(jobs, from);
  }

  *#namesIn(fd: number): Generator<"wait", ByteString[] | undefined> {
    if (this.#context.waitsHere) return namesIn(fd);
    return yield* this.#until(loadNames(fd).catch(() => undefined));
  }

  /** A walk stays on one file system: others may be slow, or without an end. */
  #isWanted(stat: Stat): boolean {
    if (stat.dev !== this.#device) return false;
    if (isDirectory(stat)) return true;
    const isSmall = (stat.mode & S_IFMT) === S_IFREG && stat.size > 0 && stat.size <= MAX_DATA;
    return this.#contents && isSmall && !this.#context.walks.wasOpened(stat);
  }

  /**
   * From where the one that walks is, and what is before that last; in the order in which that one comes first: it has just
   * begun.
   */
  #note(jobs: Job[], [ino, ...below]: readonly bigint[]): void {
    if (jobs.length === 0) return;
    const ordered = orders.map((order) => order(jobs));
    const places = ordered.map((one) => Math.max(0, one.findIndex(({ stat }) => stat.ino === ino)));
    for (const [order, place] of places.entries()) this.#places[order] += place;
    const order = this.#places.indexOf(Math.min(...this.#places));
    const [index, all] = [places[order], ordered[order]];
    const sorted = [...all.slice(index), ...all.slice(0, index)];
    if (sorted.length > 0 && sorted[0].stat.ino === ino) sorted[0] = { ...sorted[0], from: below };
    if (this.#jobs.length + sorted.length > MAX_WAITING) return;
    this.#jobs.push(...this.#top.breadth ? sorted : sorted.reverse());
  }

  /** Tells of a content, if it is sure to belong to the attributes. */
  *#read({ parent, name, stat }: Job): Generator<PackRecord | "wait"> {
    const { directories, walks } = this.#context;
    if (walks.wasOpened(stat)) return;
    const dir = directories.findFor(parent, name);
    const file = dir < 0 ? dir : pin(this.#context, { number: parent, fd: dir, name });
    if (typeof file === "number") return;
    const isWanted = this.#isWanted(file.stat) && !isYoung(file.stat);
    // Nobody has asked to read it: that is not to be seen.
    const fd = isWanted ? openRegular(file, O_NOATIME) : -1;
    close(file.fd);
    if (fd < 0) return;
    try {
      const bytes = this.#buffer.subarray(0, file.stat.size);
      let count = readAtNoWait(fd, bytes, 0);
      if (count !== bytes.length) count = yield* this.#readFromDisk(fd, bytes);
      const after = statFd(fd);
      if (count !== bytes.length || typeof after === "number" || !isSameContent(file.stat, after)) return;
      this.#context.statistics.bytesRead += count;
      yield { kind: "data", dir: parent, name, stat: file.stat, bytes };
    } finally {
      close(fd);
    }
  }

  *#readFromDisk(fd: number, bytes: Uint8Array<ArrayBuffer>): Generator<"wait", number> {
    // Memory and a descriptor of its own: the walk may be given up before the thread is done.
    const own = new Uint8Array(bytes.length);
    const held = duplicate(fd);
    if (held < 0) return held;
    this.#context.statistics.diskReads++;
    const reading = readAtAsync(held, own, 0).catch(() => -Errno.EIO).finally(() => close(held));
    const result = yield* this.#until(reading);
    bytes.set(own);
    return result;
  }

  /** What a thread is busy with. */
  *#until<T>(result: Promise<T>): Generator<"wait", T> {
    let outcome: { value: T } | undefined;
    result.then((value) => {
      outcome = { value };
      this.#context.wake();
    });
    while (outcome === undefined) yield "wait";
    return outcome.value;
  }
}

/** The orders in which programs walk: that of the listing, of names, of inode numbers. */
const orders: readonly ((jobs: Job[]) => Job[])[] = [
  (jobs) => jobs,
  (jobs) => jobs.toSorted((one, other) => one.name < other.name ? -1 : 1),
  (jobs) => jobs.toSorted((one, other) => one.stat.ino < other.stat.ino ? -1 : 1),
];

function isDirectory({ mode }: Stat): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** Whether it may change again without a new time. */
export function isYoung(stat: Omit<ContentStamp, "size">): boolean {
  const { mtime, mtimeNsec, ctime, ctimeNsec } = stat;
  const changed = Math.max(mtime * 1000 + mtimeNsec / 1e6, ctime * 1000 + ctimeNsec / 1e6);
  return Date.now() - changed <= (ctimeNsec % ROUNDED_NSEC === 0 ? RECENT_ROUNDED_MS : RECENT_MS);
}
