import assert from "node:assert/strict";
import { readCosts } from "../../bench/starts.ts";

const said = `outrun:   1606 ms agent: requests of the kernel that waited: 31 of 0 ms or more, 3 of 2 ms or more, ` +
  `4 of 10 ms or more, 5 of 50 ms or more, 6 of 250 ms or more
outrun:   1688 ms agent: link: {"bytesIn":5298,"bytesOut":871}
outrun:   3912 ms local: requests: OPEN 4, FETCH 17; link: {"bytesIn":871,"bytesOut":5298,"callsOut":1}
`;

Deno.test("readCosts() counts what waited for half a round trip or longer, requests, and bytes each way", () => {
  assert.deepEqual(readCosts(said, 20), { waits: 15, requests: 21, bytes: { sent: 5298, received: 871 } });
  assert.equal(readCosts(said, 100).waits, 11);
  assert.equal(readCosts(said, 0).waits, undefined);
});

Deno.test("readCosts() counts nothing in what does not speak of it", () => {
  assert.deepEqual(readCosts("", 20), { waits: 0, requests: 0, bytes: { sent: 0, received: 0 } });
});
