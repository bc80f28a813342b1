import { CARRIED_LIBRARY, setCloseOnExec, useCarriedLibrary } from "../../linux/mod.ts";

/** The last argument of an agent that came with a loader and a C library of its own. */
const CARRIED = "--carried";

/** Makes lib/linux take the C library that this process was started with. To be called before all else. */
export function prepareLibrary(args: readonly string[]): void {
  if (!args.includes(CARRIED)) return;
  useCarriedLibrary();
  setCloseOnExec(CARRIED_LIBRARY);
}
