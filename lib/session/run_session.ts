import { fromText } from "../bytes/mod.ts";
import { describePath, prepareProcess } from "../fileserver/mod.ts";
import { errnoName, raiseOpenFilesLimit } from "../linux/mod.ts";
import type { RunIn, RunOut } from "../protocol/mod.ts";
import { Session, type SessionOptions } from "./session.ts";

export { LinkLostError } from "./session.ts";
export { Start } from "./start.ts";

/** The command, but for the files that it finds. */
export type Described = Omit<RunIn, "root">;

/** Makes this process a server of the local files, and runs the command on the other machine; see {@link Session.run}. */
export async function runSession(options: Omit<SessionOptions, "command"> & { command: Described }): Promise<RunOut> {
  const root = describePath(fromText("/"));
  if (typeof root === "number") throw new Error(`Cannot look at "/": ${errnoName(-root)}`);
  prepareProcess();
  // One descriptor each for open files and for directories in use.
  raiseOpenFilesLimit();
  const session = new Session({ ...options, command: { ...options.command, root } });
  try {
    const result = await session.run();
    options.start?.remember(session.touched);
    return result;
  } finally {
    options.start?.close();
  }
}
