/**
 * An agent without a link: launches a command on a loopback of the machine's own root and is driven by lines of JSON.
 * stdin takes {@link Order}s, stdout gives {@link Report}s.
 *
 * @module
 */
import { byteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import { Command, launch } from "../../../lib/agent/command/mod.ts";
import { Server } from "../../../lib/fuse/mod.ts";
import {
  close,
  Errno,
  Poller,
  POLLIN,
  read,
  setNonBlocking,
  type Stat,
  statPath,
  write,
} from "../../../lib/linux/mod.ts";
import type { RunIn } from "../../../lib/protocol/mod.ts";
import { Loopback } from "./loopback.ts";
import type { Order, Report, Spec } from "./orders.ts";

const started = performance.now();
const poller = new Poller();

function report(message: Report): void {
  const line = { at: performance.now() - started, ...message };
  write(1, toBytes(fromText(JSON.stringify(line) + "\n")));
}

function runAgent([kinds, ids]: string[]): void {
  const kind = (index: number) => kinds[index] === "t" ? "terminal" as const : "pipe" as const;
  report({ event: "launch" });
  const launched = launch({
    stdio: [kind(0), kind(1), kind(2)],
    ids: ids.split(",").map(Number),
  })();
  const command = new Command({
    ...launched,
    poller,
    events: {
      mounted(device) {
        report({ event: "mounted" });
        serve(device);
      },
      executed: () => report({ event: "executed" }),
      stopped: (signal) => report({ event: "stopped", signal }),
      continued: () => report({ event: "continued" }),
      ended: (result) => report({ event: "ended", result }),
    },
  });
  report({ event: "launched" });
  const { stdin, ...outputs } = command.stdio;
  for (const [stream, fd] of Object.entries(outputs)) if (fd !== undefined) forward(stream, fd);
  takeOrders((order) => {
    switch (order.order) {
      case "go":
        report({ event: "go" });
        return command.go(complete(order.spec));
      case "input":
        return void write(stdin, toBytes(order.data));
      case "close":
        return void close(stdin);
      case "signal":
        return command.signal(order);
      case "resize":
        return command.resize(order.window);
      case "end":
        return command.end();
    }
  });
}

function complete({ terminal, ...spec }: Spec): RunIn {
  return {
    ...spec,
    root: statPath(fromText("/")) as Stat,
    directories: 0,
    terminal: terminal && { window: terminal.window, termios: new Uint8Array(terminal.termios) },
  };
}

function serve(device: number): void {
  setNonBlocking(device);
  const server = new Server(device, new Loopback(), {
    isDying: () => true,
    onEnd: () => {
      poller.remove(device);
      report({ event: "unmounted" });
    },
    log: (line) => write(2, toBytes(fromText(line + "\n"))),
  });
  poller.add(device, POLLIN, () => server.device.readable());
}

function forward(stream: string, fd: number): void {
  const buffer = new Uint8Array(65536);
  poller.add(fd, POLLIN, () => {
    const length = read(fd, buffer);
    if (length === -Errno.EAGAIN) return;
    if (length > 0) return report({ event: "output", stream, data: byteString(buffer, 0, length) });
    poller.remove(fd);
    report({ event: "closed", stream });
  });
}

function takeOrders(take: (order: Order) => void): void {
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  poller.add(0, POLLIN, () => {
    const length = read(0, buffer);
    if (length <= 0) Deno.exit(0);
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) take(JSON.parse(line) as Order);
  });
}

try {
  runAgent(Deno.args);
} catch (error) {
  report({ event: "refused", message: (error as Error).message });
  Deno.exit(1);
}
for (;;) {
  poller.wait(1000);
  await null;
}
