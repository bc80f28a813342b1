import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { R_OK, Rights, W_OK, X_OK } from "../../../lib/agent/rights.ts";
import type { FileAttr } from "../../../lib/protocol/mod.ts";

const user = new Rights({ uid: 1000, gid: 1001, groups: [27] });
const root = new Rights({ uid: 0, gid: 0, groups: [] });

function file(mode: number, owner: { uid?: number; gid?: number; xattrNames?: string } = {}): FileAttr {
  const { uid = 0, gid = 0, xattrNames = "" } = owner;
  return { mode: 0o100000 | mode, uid, gid, xattrNames: fromText(xattrNames) } as FileAttr;
}

Deno.test("Rights.may() goes by the first class that the user is of", () => {
  assert.equal(user.may(file(0o077, { uid: 1000, gid: 1001 }), R_OK), false);
  assert.equal(user.may(file(0o707, { gid: 27 }), R_OK), false);
  assert.equal(user.may(file(0o050, { gid: 1001 }), R_OK | X_OK), true);
  assert.equal(user.may(file(0o644), R_OK), true);
  assert.equal(user.may(file(0o644), R_OK | W_OK), false);
});

Deno.test("Rights.may() leaves access control lists to the local side, but for the owner", () => {
  const acl = { xattrNames: "user.a\0system.posix_acl_access\0" };
  assert.equal(user.may(file(0o600, acl), R_OK), undefined);
  assert.equal(user.may(file(0o600, { ...acl, uid: 1000 }), R_OK), true);
  assert.equal(user.may({ ...file(0o644), xattrNames: undefined }, R_OK), undefined);
});

Deno.test("Rights.may() lets root do all but execute what nobody may", () => {
  assert.equal(root.may(file(0o000), R_OK | W_OK), true);
  assert.equal(root.may(file(0o666), X_OK), false);
  assert.equal(root.may(file(0o001), X_OK), true);
});
