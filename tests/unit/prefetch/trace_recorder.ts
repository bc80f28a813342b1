/**
 * A session's end, again and again: records runs of `wantsOfRun` until it is killed, or `count` times. Arguments:
 * folder, first run, step to the next, [count]. Says `recorded` after each.
 */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type TracedCommand, Traces, type Want } from "../../../lib/prefetch/mod.ts";

/** The command that is recorded. */
export const command: TracedCommand = {
  path: "/bin/sh" as ByteString,
  argv: ["sh", "/x"] as ByteString[],
  cwd: "/" as ByteString,
};

/** Wants of a run. */
export const RUN_WANTS = 5000;

/** What a run of that number touches. */
export function wantsOfRun(run: number): Want[] {
  return Array.from({ length: RUN_WANTS }, (_, i) => ({ kind: "name", path: `/run${run}/${i}` as ByteString }));
}

if (import.meta.main) {
  const [folder, first, step, count = "Infinity"] = Deno.args;
  const traces = Traces.open(folder);
  for (let i = 0; i < Number(count); i++) {
    traces.record(command, wantsOfRun(Number(first) + i * Number(step)));
    console.log("recorded");
  }
}
