import { fromText } from "../bytes/mod.ts";
import { describePath, directoryLimit, prepareProcess } from "../fileserver/mod.ts";
import { bindNow, errnoName, raiseOpenFilesLimit } from "../linux/mod.ts";
import { timeline } from "../log/mod.ts";
import type { RunIn, RunOut } from "../protocol/mod.ts";
import { Session, type SessionOptions } from "./session.ts";
import { Start } from "./start.ts";

export { LinkLostError } from "./session.ts";

/** The command, but for the files that it finds. */
export type Described = Omit<RunIn, "root" | "directories">;

/** What a session is prepared with. */
export interface PrepareOptions extends Omit<SessionOptions, "command" | "start"> {
  readonly command: Described;
  /** Files are sent ahead of demand. */
  readonly prefetch: boolean;
  /** The other machine keeps contents. */
  readonly cache: boolean;
}

/**
 * Makes this process a server of the local files, and tells of those that the command is going to need, while the link may
 * still be on its way. Returns what runs the command when it stands: see {@link Session.run}.
 */
export function prepareSession({ prefetch, cache, command, ...options }: PrepareOptions): () => Promise<RunOut> {
  timeline.mark("session loaded");
  const root = describePath(fromText("/"));
  if (typeof root === "number") throw new Error(`Cannot look at "/": ${errnoName(-root)}`);
  prepareProcess();
  // One descriptor each for open files and for directories in use.
  const directories = directoryLimit(raiseOpenFilesLimit());
  const start = prefetch ? new Start(command, { contents: cache }) : undefined;
  const session = new Session({ ...options, start, command: { ...command, root, directories } });
  session.tellAhead();
  timeline.mark("start told");
  bindNow();
  return async () => {
    try {
      const result = await session.run();
      start?.remember(session.touched);
      return result;
    } finally {
      start?.close();
    }
  };
}
