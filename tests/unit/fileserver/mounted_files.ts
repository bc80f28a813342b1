/**
 * Run by policy_test.ts in a mount namespace of its own, where single files are mounted over others: prints the errnos of
 * opening them.
 *
 * @module
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import { encodeCreate, encodeOpen, FileOp } from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

using fixture = new Fixture({ root: fromText(Deno.args[0]) });
const open = (name: string, fh: number) =>
  fixture.errno(FileOp.OPEN, encodeOpen({ ref: fixture.ref(name), fh, flags: O_RDONLY }));
const create = { dir: 1, name: fromText("mem"), fh: 4, flags: O_RDWR, mode: 0o600, umask: 0 };
console.log(JSON.stringify({
  plain: open("plain", 1),
  mem: open("mem", 2),
  created: fixture.errno(FileOp.CREATE, encodeCreate(create)),
  foreign: open("foreign", 3),
}));
