import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { bindNow } from "../../../lib/linux/mod.ts";
import { Traces } from "../../../lib/prefetch/mod.ts";
import { isOwn, makeOwnFolder, stateFolder, type StatePlace } from "../../../lib/prefetch/state_folder.ts";
import { asUser, USER } from "../fileserver/as_user.ts";

// Loaded here and kept: a test that loads a library without unloading it fails.
bindNow();

const asRoot = { ignore: Deno.uid() !== 0 };

/** A folder that is gone afterwards, with this environment in the meantime. */
function inFolder(
  action: (top: string) => void,
  environment: (top: string) => Record<string, string | undefined>,
): void {
  const top = Deno.makeTempDirSync();
  const before: [string, string | undefined][] = [];
  for (const [name, value] of Object.entries(environment(top))) {
    before.push([name, Deno.env.get(name)]);
    set(name, value);
  }
  try {
    action(top);
  } finally {
    for (const [name, value] of before) set(name, value);
    Deno.removeSync(top, { recursive: true });
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}

const place: StatePlace = { variable: "XDG_STATE_HOME", inHome: ".local/state", name: "outrun/traces" };
const command = { path: "/bin/true" as ByteString, argv: ["true"] as ByteString[], cwd: "/" as ByteString };
const wants = [{ kind: "name", path: "/a" as ByteString } as const];

Deno.test("stateFolder() is as the XDG specification has it", () => {
  inFolder((top) => {
    assert.equal(stateFolder(place), `${top}/outrun/traces`);
    Deno.env.set("XDG_STATE_HOME", "relative");
    assert.equal(stateFolder(place), "/home/x/.local/state/outrun/traces");
    Deno.env.set("XDG_STATE_HOME", "");
    assert.equal(stateFolder(place), "/home/x/.local/state/outrun/traces");
    Deno.env.delete("HOME");
    assert.equal(stateFolder(place), undefined);
  }, (top) => ({ XDG_STATE_HOME: top, HOME: "/home/x" }));
});

Deno.test("Traces.open() keeps traces in the user's folder for state", () => {
  inFolder((top) => {
    Traces.open().record(command, wants);
    assert.equal([...Deno.readDirSync(`${top}/.local/state/outrun/traces`)].length, 1);
    assert.equal(Traces.open().find(command)?.wants.length, 1);
  }, (top) => ({ XDG_STATE_HOME: undefined, HOME: top }));
});

Deno.test("Traces.open() without a home remembers nothing", () => {
  inFolder(() => {
    const traces = Traces.open();
    traces.record(command, wants);
    assert.equal(traces.find(command), undefined);
  }, () => ({ XDG_STATE_HOME: undefined, HOME: undefined }));
});

Deno.test("Traces where nothing can be written remembers nothing", () => {
  for (const folder of ["/proc/outrun", "/dev/null/outrun", "/dev/null"]) {
    const traces = Traces.open(folder);
    traces.record(command, wants);
    assert.equal(traces.find(command), undefined, folder);
  }
});

Deno.test("isOwn() is only what nobody else can write to", () => {
  inFolder((top) => {
    assert.equal(isOwn(top), true);
    for (const mode of [0o770, 0o702]) {
      Deno.chmodSync(top, mode);
      assert.equal(isOwn(top), false);
    }
    assert.equal(isOwn(`${top}/absent`), false);
  }, () => ({}));
});

Deno.test("Traces believes no folder that others can write to", () => {
  inFolder((top) => {
    const traces = Traces.open(top);
    traces.record(command, wants);
    Deno.chmodSync(top, 0o777);
    assert.equal(traces.find(command), undefined);
    assert.equal(traces.find({ ...command, argv: ["true", "/x"] as ByteString[] }), undefined);
    traces.record(command, [{ kind: "name", path: "/b" as ByteString }]);
    Deno.chmodSync(top, 0o755);
    assert.deepEqual(traces.find(command)?.wants.map(({ path }) => path), ["/a"]);
  }, () => ({}));
});

Deno.test("makeOwnFolder() makes nothing of root's in another user's home", asRoot, () => {
  inFolder((top) => {
    Deno.chownSync(top, USER, USER);
    assert.throws(() => makeOwnFolder(`${top}/.cache/outrun`), /another user's folder/);
    assert.throws(() => makeOwnFolder(top), /others could change it/);
    asUser(() => makeOwnFolder(`${top}/.cache/outrun`));
    assert.equal(Deno.statSync(`${top}/.cache/outrun`).uid, USER);
    assert.throws(() => makeOwnFolder(`${top}/.cache/outrun`), /others could change it/);
  }, () => ({}));
});

Deno.test("makeOwnFolder() fails for a user where only root may write", asRoot, () => {
  inFolder((top) => {
    Deno.chmodSync(top, 0o755);
    asUser(() => assert.throws(() => makeOwnFolder(`${top}/.cache/outrun`)));
    assert.deepEqual([...Deno.readDirSync(top)], []);
  }, () => ({}));
});
