import { type ByteString, fromText, toText } from "../bytes/mod.ts";
import { accessAt, AT_FDCWD, Errno, S_IFDIR, S_IFMT, statPath } from "../linux/mod.ts";

const X_OK = 1;
/** execvp(3)'s when PATH is not set. */
const DEFAULT_PATH = fromText("/bin:/usr/bin");
/** Trees that the command sees of the remote machine: nothing can be said about them here. */
const remoteTree = /^\/(dev|proc|sys|run)\//;

/** A command that cannot be run, as a shell says it. */
export class CommandError extends Error {
  override name = "CommandError";
  /** 127: there is none; 126: it cannot be executed. */
  readonly status: 126 | 127;

  constructor(status: 126 | 127, command: ByteString, state: string) {
    super(`Cannot run ${JSON.stringify(toText(command))}: ${state}`);
    this.status = status;
  }
}

/**
 * The executable that `command` means, as a shell finds it: by PATH, or as it is when it has a slash. Found here, it costs
 * the remote machine no search over the link, and a typing error costs no login. Throws {@link CommandError}.
 */
export function findCommand(command: ByteString, searchPath: ByteString | undefined): ByteString {
  if (command === "") throw new CommandError(127, command, "the name is empty");
  if (command.includes("/")) return checked(command, command);
  let denied: ByteString | undefined;
  for (const directory of (searchPath ?? DEFAULT_PATH).split(":")) {
    const path = `${directory === "" ? "." : directory}/${command}` as ByteString;
    const state = look(path);
    if (state === "executable") return path;
    if (state === "denied") denied ??= path;
  }
  if (denied !== undefined) throw new CommandError(126, denied, "permission denied");
  const hint = /\s/.test(command)
    ? "no shell is in between: give its arguments one by one, or to sh -c"
    : "is it installed on this machine?";
  throw new CommandError(127, command, `command not found here; ${hint}`);
}

function checked(path: ByteString, command: ByteString): ByteString {
  if (remoteTree.test(path)) return path;
  switch (look(path)) {
    case "executable":
      return path;
    case "directory":
      throw new CommandError(126, command, "it is a directory");
    case "denied":
      throw new CommandError(126, command, "permission denied");
    case "absent":
      throw new CommandError(127, command, "no such file");
  }
}

function look(path: ByteString): "executable" | "directory" | "denied" | "absent" {
  const stat = statPath(path);
  if (typeof stat === "number") return stat === -Errno.EACCES ? "denied" : "absent";
  if ((stat.mode & S_IFMT) === S_IFDIR) return "directory";
  return accessAt(AT_FDCWD, path, X_OK) === 0 ? "executable" : "denied";
}
