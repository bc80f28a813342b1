import type { Calls } from "../os.ts";
import { contentCalls } from "./content.ts";
import { factCalls } from "./facts.ts";
import type { Machine } from "./machine.ts";
import { nameCalls } from "./names.ts";
import { openingCalls } from "./opening.ts";
import { MirrorProcess } from "./process.ts";
import { NeedsKernel } from "./walk.ts";

/** The system calls of a process that has a mirror for its file system; those that are not the mirror's fail. */
export function mirrorCalls(machine: Machine): Calls {
  const process = new MirrorProcess(machine);
  const calls: Partial<Calls> = {
    ...openingCalls(process),
    ...contentCalls(process),
    ...nameCalls(process),
    ...factCalls(process),
  };
  const unable = (name: string) => () => Promise.reject(new NeedsKernel(`${name}()`));
  return new Proxy(calls, { get: (known, name) => known[name as keyof Calls] ?? unable(String(name)) }) as Calls;
}
