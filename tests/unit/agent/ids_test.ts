import assert from "node:assert/strict";
import { OwnIds, parseMap } from "../../../lib/agent/command/ids.ts";
import { showOwner } from "../../../lib/agent/show_owner.ts";

const many = new OwnIds({
  users: "         0     100000       1000\n      1000       1001          1\n      1001     101001      64535\n",
  groups: "         0     100000      65536\n",
});
const one = new OwnIds({ users: "12345 1001 1\n", groups: "12346 1001 1\n" });

Deno.test("parseMap() reads what the kernel writes", () => {
  assert.deepEqual(parseMap("         0       1000          1\n"), [{ inside: 0, outside: 1000, count: 1 }]);
});

Deno.test("OwnIds knows the ids of its user namespace, users and groups apart", () => {
  assert.deepEqual([many.user(0), many.user(1000), many.user(65535), many.user(65536)], [0, 1000, 65535, undefined]);
  assert.deepEqual([one.user(12345), one.user(12346), one.group(12346)], [12345, undefined, 12346]);
  assert.deepEqual([many.hasAll([1000, 27]), many.hasAll([1000, 70_000]), one.hasAll([12345])], [true, false, false]);
});

Deno.test("showOwner() shows those without an id as nobody, and everything as the one user's where there is one", () => {
  assert.deepEqual(showOwner(many, undefined)({ uid: 70_000, gid: 27 }), { uid: 65534, gid: 27 });
  assert.deepEqual(showOwner(many, undefined)({ uid: 5, gid: 4_000_000_000 }), { uid: 5, gid: 65534 });
  assert.deepEqual(showOwner(one, { uid: 12345, gid: 12346 })({ uid: 0, gid: 0 }), { uid: 12345, gid: 12346 });
});
