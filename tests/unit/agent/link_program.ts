/**
 * Run by link_test.ts: the agent's end of a link on descriptors 0 and 1. Answers each request with its body and the data
 * behind it, and says on stderr how often it was told of the end.
 *
 * @module
 */
import { Link } from "../../../lib/agent/link.ts";
import { Poller } from "../../../lib/linux/mod.ts";
import { createConnection } from "../../../lib/rpc/mod.ts";

const poller = new Poller();
let ends = 0;
const connection = createConnection({
  handler: { request: (call) => call.reply(call.body), notify: (op) => connection.notify(op, new Uint8Array()) },
  onPending: () => link.pending(),
});
const link = new Link({ poller, connection, onEnd: () => ends++ });

while (ends === 0) {
  poller.wait(-1);
  await null;
  link.flush();
}
// What comes behind the end is no second one.
link.pending();
link.flush();
console.error(`ends: ${ends}, flushed: ${link.isFlushed}`);
