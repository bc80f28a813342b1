/** What tests of changes ahead of the local side have in common. */
import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { Entry, NodeId } from "../../../lib/fuse/mod.ts";
import { O_CREAT, O_WRONLY } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, Fixture, ROOT } from "./mirror_fixture.ts";

export const b = (name: string) => name as ByteString;
export const bytes = (text: string) => new TextEncoder().encode(text);

/** A mirror where a change has been made in the root, and all of its names are known. */
export async function ready({ isNear = false } = {}): Promise<Fixture> {
  const fixture = new Fixture({ leases: true, writeBehind: true });
  Object.defineProperty(fixture.mirror.tree.directories, "isNear", { value: isNear });
  fixture.make({ "known/a": "a", "known/b": "b" });
  // The second name asked for has the directory fetched.
  for (const name of ["nothing", "known", "no", "none"]) await fixture.lookup(ROOT, name);
  await until(() => fixture.mirror.tree.snapshots.all(fixture.mirror.tree.nodes.root) !== undefined);
  await fixture.mirror.mkdir(ROOT, b("first"), { mode: 0o755, umask: 0 }, caller);
  await until(() => fixture.count(FileOp.STATFS) === 1);
  await fixture.applyNews();
  fixture.requests.length = 0;
  return fixture;
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    await new Promise((resolve) => setTimeout(resolve));
    if (condition()) return;
  }
  assert.fail("it does not come about");
}

/** Runs while nothing comes from the local side. */
export async function unanswered<T>(fixture: Fixture, action: () => Promise<T>): Promise<T> {
  fixture.bridge.throttle(0);
  const hung = Promise.withResolvers<never>();
  const timer = setTimeout(() => hung.reject(new Error("waits for the local side")), 10_000);
  try {
    return await Promise.race([action(), hung.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until every change is made, and what is known of it is what the local side said. */
export async function drained(fixture: Fixture): Promise<void> {
  fixture.bridge.throttle(Infinity);
  await fixture.mirror.tree.log.drained();
  await until(() => [...fixture.mirror.tree.nodes.all()].every(({ isRefreshing }) => !isRefreshing));
}

export async function create(fixture: Fixture, parent: NodeId, name: string, content = ""): Promise<NodeId> {
  const { node, fh } = await fixture.create(parent, name, O_WRONLY | O_CREAT);
  if (content !== "") await writeCached(fixture, node, { fh, content });
  await fixture.mirror.flush(node, fh, 0n);
  fixture.mirror.release(node, fh);
  return node;
}

/** As the kernel does that collects writes. */
export async function writeCached(
  fixture: Fixture,
  node: NodeId,
  { fh, content, offset = 0 }: { fh: number; content: string; offset?: number },
): Promise<number> {
  return await fixture.mirror.write(node, { fh, offset, data: bytes(content), cached: true }, caller);
}

export async function mkdir(fixture: Fixture, parent: NodeId, name: string): Promise<Entry> {
  return await fixture.mirror.mkdir(parent, b(name), { mode: 0o755, umask: 0o022 }, caller);
}
