import { type ByteString, fromText } from "../bytes/mod.ts";
import type { DirEntry } from "../fuse/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import { type DirPage, type LookupOut, MAX_PAGE, type PageEntry } from "../protocol/mod.ts";
import type { ChangeLog } from "./change_log.ts";
import type { Directories } from "./directories.ts";
import type { Node } from "./nodes.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import type { Told } from "./tree.ts";

const DT_DIR = 4;
/** The first page is small: most directories fit, and the rest is on its way while it is looked at. */
const FIRST_BUDGET = 64 * 1024;

/** Positions after `.` and `..`: values that no file system gives (theirs are small numbers or 63-bit hashes). */
const AFTER_DOT = 0x4000_0000_0000_0001n;
const AFTER_DOT_DOT = 0x4000_0000_0000_0002n;
const DOT = fromText(".");
const DOT_DOT = fromText("..");

/** When a page was told. */
interface ToldPage extends Told {
  /** performance.now() when it was asked for, or taken from what was known. */
  readonly since: number;
  /** When single names were told, where that was later. */
  readonly news?: ReadonlyMap<ByteString, number>;
}

/** An open directory: the page of the listing that is being read. */
interface Listing {
  readonly node: Node;
  page: DirPage;
  told: ToldPage;
  /** The cookie after which the page begins. */
  start: bigint;
  /** Whether entries were handed out. */
  begun: boolean;
}

/** Is given an entry, and what was told of it; false ends the listing for this time. */
type Take = (entry: DirEntry, found?: LookupOut, told?: ToldPage) => boolean;

/** Open directories. A listing is fetched page by page, so its memory is bounded whatever the directory's size. */
export class Listings {
  readonly #directories: Directories;
  readonly #snapshots: Snapshots;
  readonly #log: ChangeLog;
  readonly #open = new Map<number, Listing>();
  #next = 1;

  constructor(known: { directories: Directories; snapshots: Snapshots; log: ChangeLog }) {
    this.#log = known.log;
    this.#directories = known.directories;
    this.#snapshots = known.snapshots;
  }

  /** Opens a directory: the first page comes with it, and with it the errors that opening gives. */
  async open(node: Node): Promise<number> {
    const { page, told } = await this.#fetch(node, 0n, FIRST_BUDGET);
    const fh = this.#next++;
    this.#open.set(fh, { node, page, told, start: 0n, begun: false });
    return fh;
  }

  release(fh: number): void {
    this.#open.delete(fh);
  }

  /** Hands out entries after `offset` until `take` returns false or the directory ends. */
  async read(fh: number, offset: bigint, take: Take): Promise<void> {
    const listing = this.#open.get(fh);
    if (listing === undefined) throw new ErrnoError(Errno.EBADF, `find listing ${fh}`);
    let position = offset;
    if (position === 0n) {
      // From the start again (rewinddir): what is held is old.
      if (listing.begun) await this.#turn(listing, 0n);
      listing.begun = true;
      if (!take({ name: DOT, ino: listing.node.attr.ino, type: DT_DIR, offset: AFTER_DOT })) return;
      position = AFTER_DOT;
    }
    if (position === AFTER_DOT) {
      const parent = listing.node.places[0]?.parent ?? listing.node;
      if (!take({ name: DOT_DOT, ino: parent.attr.ino, type: DT_DIR, offset: AFTER_DOT_DOT })) return;
      position = AFTER_DOT_DOT;
    }
    if (position === AFTER_DOT_DOT) position = 0n;
    await this.#readFrom(listing, position, take);
  }

  async #readFrom(
    listing: Listing,
    position: bigint,
    take: Take,
  ): Promise<void> {
    for (;;) {
      let index = indexAfter(listing, position);
      if (index < 0) {
        await this.#turn(listing, position);
        index = 0;
      }
      const { entries, end } = listing.page;
      for (; index < entries.length; index++) {
        const { name, ino, type, cookie, stat, target } = entries[index];
        const told = { ...listing.told, asOf: listing.told.news?.get(name) ?? listing.told.asOf };
        if (!take({ name, ino, type, offset: cookie }, stat && { stat, target }, told)) return;
        position = cookie;
      }
      if (end) return;
    }
  }

  async #turn(listing: Listing, start: bigint): Promise<void> {
    Object.assign(listing, await this.#fetch(listing.node, start, MAX_PAGE));
    listing.start = start;
  }

  async #fetch(node: Node, cookie: bigint, budget: number): Promise<{ page: DirPage; told: ToldPage }> {
    const isRemoved = node.isRemoved && !this.#directories.has(node);
    // A mount point of the remote machine; and what was removed is empty.
    const since = performance.now();
    if (node.overlay?.attr !== undefined || isRemoved) {
      return { page: empty, told: { since, asOf: since, isCurrent: false } };
    }
    const known = cookie === 0n ? this.#snapshots.all(node) : undefined;
    const page = known && wholePage(known);
    const isCurrent = this.#directories.isLeased(node);
    if (page !== undefined) return { page, told: { since, asOf: known!.asOf, news: new Map(known!.news), isCurrent } };
    if (node.pending > 0) await this.#log.settled(node);
    const request = { dir: this.#directories.number(node), cookie, budget };
    const asOf = performance.now();
    const fetched = await this.#directories.page(request);
    // Nothing that changed meanwhile is in there as it was before, and what changes from here on is told.
    const isWhole = cookie === 0n && fetched.end && node.changedAt <= asOf && this.#directories.isLeased(node);
    if (isWhole) this.#snapshots.tell(node, snapshotOf(fetched, asOf));
    return { page: fetched, told: { since: asOf, asOf, isCurrent: false } };
  }
}

const empty: DirPage = { entries: [], end: true };

function snapshotOf({ entries }: DirPage, asOf: number): Snapshot {
  const states = entries.map(({ name, stat, target }) => [name, stat ? { stat, target } : asOf] as const);
  return { entries: new Map(states), complete: true, asOf, news: new Map() };
}

/** A directory that is known whole, in one page; undefined where the listing would say less of a name than the file system. */
function wholePage(snapshot: Snapshot): DirPage | undefined {
  const entries: PageEntry[] = [];
  for (const [name, state] of snapshot.entries) {
    if (typeof state === "number") return undefined;
    if (state === "absent") continue;
    const { ino, mode } = state.stat;
    entries.push({ name, ino, type: mode >> 12, cookie: BigInt(entries.length + 1), ...state });
  }
  return { entries, end: true };
}

/** Where in the held page the listing goes on after `position`, or -1 when it is not in there. */
function indexAfter(listing: Listing, position: bigint): number {
  const { page, start } = listing;
  if (position === start) return 0;
  const { entries } = page;
  // Most often the page was read to its end.
  if (entries.length > 0 && entries[entries.length - 1].cookie === position) {
    return page.end ? entries.length : -1;
  }
  // In a page of {@link wholePage}, the cookie is the place.
  const place = Number(position) - 1;
  const isPlace = place < entries.length && entries[place]?.cookie === position;
  const index = isPlace ? place : entries.findIndex((entry) => entry.cookie === position);
  return index < 0 ? -1 : index + 1;
}
