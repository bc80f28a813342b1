/**
 * Run by ranges_test.ts in a mount namespace of its own, where another file system is mounted on `other`: copies a file
 * there and prints what came of it.
 *
 * @module
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import { decodeCopied, encodeCopy, encodeCreate, FileOp } from "../../../lib/protocol/mod.ts";
import { Fixture, O_RDONLY, O_RDWR } from "./fixture.ts";

using fixture = new Fixture({ root: fromText(Deno.args[0]) });
const content = Uint8Array.from({ length: 3 << 20 }, (_, i) => i % 251);
Deno.writeFileSync(fixture.at("source"), content);
fixture.open(3, fixture.ref("source"), O_RDONLY);
fixture.bind(2, "other");
fixture.ask(
  FileOp.CREATE,
  encodeCreate({ dir: 2, name: fromText("target"), fh: 4, flags: O_RDWR, mode: 0o600, umask: 0 }),
);
const copy = { from: 3, fromOffset: 1, to: 4, toOffset: 5, length: 1 << 30 };
const { copied } = decodeCopied(await fixture.askLater(FileOp.COPY, encodeCopy(copy)));
const expected = new Uint8Array(content.length + 4);
expected.set(content.subarray(1), 5);
const target = Deno.readFileSync(fixture.at("other/target"));
console.log(
  JSON.stringify({ copied, same: target.length === expected.length && target.every((b, i) => b === expected[i]) }),
);
