/**
 * A loop that waits for calls on other threads, for loop_test.ts: it owns its thread, as the agent's does, so it cannot
 * run in a test. Prints what came to pass, in order.
 */
import { Loop } from "../../../lib/agent/loop.ts";
import { makePipe, POLLIN, read, write, writeAsync } from "../../../lib/linux/mod.ts";

const pipe = makePipe() as { readEnd: number; writeEnd: number };
const loop = new Loop({ turn: () => {}, tick: () => console.log("a second has passed"), isCrowded: () => false });

async function settles(): Promise<void> {
  await loop.settled(writeAsync(pipe.writeEnd, new Uint8Array([120])));
  console.log("settled");
  loop.stop();
}

/** The call ends only when this thread has served it, which it must do after it was told to stop. */
function serves(): void {
  const filled = new Uint8Array(1 << 16);
  write(pipe.writeEnd, filled);
  loop.track(writeAsync(pipe.writeEnd, new Uint8Array([121]))).then(() => console.log("the call has ended"));
  loop.poller.add(pipe.readEnd, POLLIN, () => {
    read(pipe.readEnd, filled);
    console.log("served");
    loop.poller.remove(pipe.readEnd);
  });
  loop.stop();
  console.log("stopped");
}

await Promise.all([Deno.args[0] === "settled" ? settles() : serves(), loop.run()]);
console.log("over");
Deno.exit(0);
