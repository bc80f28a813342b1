import assert from "node:assert/strict";
import type { Caller } from "../../../lib/fuse/mod.ts";
import { O_RDWR, O_TRUNC } from "../../../lib/linux/mod.ts";
import { FileOp } from "../../../lib/protocol/mod.ts";
import { caller, Fixture } from "./mirror_fixture.ts";

const root = { uid: 0, gid: 0 };
const somebody: Caller = { ...caller, uid: 1234, gid: 1234 };
const data = new TextEncoder().encode("x");

/** Does something to a new file of that mode; returns the mode it has then. */
async function modeAfter(
  mode: number,
  { who = somebody, act }: {
    who?: Caller;
    act: (fixture: Fixture, at: { node: number; fh: number }, who: Caller) => Promise<unknown>;
  },
): Promise<number> {
  using fixture = new Fixture({ owner: root });
  fixture.make({ file: "content" });
  Deno.chmodSync(fixture.at("file"), mode);
  const node = await fixture.walk("file");
  const fh = await fixture.open(node, O_RDWR);
  await act(fixture, { node, fh }, who);
  const { attr } = await fixture.mirror.getattr(node, fh);
  assert.equal(attr.mode, fixture.stat("file").mode, "the kernel is told");
  return attr.mode & 0o7777;
}

const changes: Record<string, Parameters<typeof modeAfter>[1]["act"]> = {
  "write()": ({ mirror }, { node, fh }, who) => mirror.write(node, { fh, offset: 0, data, killSuidgid: true }, who),
  "setattr() of the size": ({ mirror }, { node, fh }, who) =>
    mirror.setattr(node, { size: 1, fh, killSuidgid: true }, who),
  "open() with O_TRUNC": async ({ mirror }, { node }, who) => await mirror.open(node, O_RDWR | O_TRUNC, who),
};

for (const [name, act] of Object.entries(changes)) {
  Deno.test(`${name} takes setuid and setgid off unless root does it`, async () => {
    assert.equal(await modeAfter(0o6777, { act }), 0o777);
    assert.equal(await modeAfter(0o2767, { act }), 0o767);
    assert.equal(await modeAfter(0o2767, { act, who: { ...somebody, gid: 0 } }), 0o2767);
    assert.equal(await modeAfter(0o6777, { act, who: caller }), 0o6777);
  });
}

Deno.test("write() keeps setuid and setgid where the kernel does not say otherwise, as when it writes back", async () => {
  const act: typeof changes[string] = ({ mirror }, { node, fh }, who) =>
    mirror.write(node, { fh, offset: 0, data }, who);
  assert.equal(await modeAfter(0o6777, { act }), 0o6777);
});

Deno.test("write() leaves setuid and setgid to the local kernel unless the local side is root", async () => {
  using fixture = new Fixture({ owner: { uid: 1000, gid: 1000 } });
  fixture.make({ file: "content" });
  Deno.chmodSync(fixture.at("file"), 0o6777);
  const node = await fixture.walk("file");
  await fixture.mirror.write(
    node,
    { fh: await fixture.open(node, O_RDWR), offset: 0, data, killSuidgid: true },
    somebody,
  );
  assert.equal(fixture.count(FileOp.SETATTR), 0);
});
