import { DialError } from "./dial_error.ts";
import { splitWords } from "./words.ts";

/** A program that joins its stdin and stdout to a POSIX shell on another machine. All of this folder but this file works with any. */
export interface Carrier {
  /** The program and its arguments; what it starts over there reads a shell script from stdin. */
  readonly argv: readonly string[];
  /** The other machine, as the user wrote it. */
  readonly target: string;
  /**
   * Whether it may ask the user (a password, a host key), or wait for its turn, before the other side can say anything:
   * then its own limits judge how long connecting may take.
   */
  readonly asksUser: boolean;
  /**
   * Whether it heeds signals that it was started with ignored, as most programs but ssh do: then it is kept away from the
   * terminal altogether, and can ask nothing there.
   */
  readonly isDetached?: boolean;
  /** What ssh was started with, where the carrier is ssh. */
  readonly ssh?: Ssh;
  /** The program and its arguments for a further channel of the connection once it stands: see share_connection.ts. */
  readonly channel?: readonly string[];
  /** The socket that such channels meet at, if it is ours. */
  readonly socket?: string;
}

/** The user's words for ssh. */
export interface Ssh {
  readonly args: readonly string[];
  readonly destination: string;
}

export interface SshOptions {
  /** What `--ssh` holds: words for ssh, quoted as for a shell. */
  readonly args?: string;
  /** Limit for connecting, and for silence later, in ms; 0 leaves both to ssh. Passwords may take longer. */
  readonly timeoutMs?: number;
}

/** How many signs of life may fail to come. */
const SIGNS = 3;

/** ssh with the user's own configuration. The remote command is the one word `sh`, which every login shell understands. */
export function sshCarrier(destination: string, options: SshOptions = {}): Carrier {
  if (destination === "" || destination.startsWith("-")) {
    throw new DialError(`Cannot use "${destination}" as the destination: a host's name comes first, options before it`);
  }
  const args = splitWords(options.args ?? "", "--ssh");
  if (args.length > 0 && !args[0].startsWith("-")) {
    throw new DialError(`Cannot use --ssh "${options.args}": it takes ssh's options, such as --ssh "-p 2222"`);
  }
  // ssh takes the first value it sees: the user's words come first. A RemoteCommand in the configuration would be refused.
  const own = ["-o", "RemoteCommand=none"];
  if (options.timeoutMs) own.push(...limits(options.timeoutMs / 1000));
  const argv = ["ssh", "-T", ...args, ...own, "--", destination, "sh"];
  return { argv, target: destination, asksUser: true, ssh: { args, destination } };
}

/** A link that carries nothing any more is given up by ssh, which asks the server for a sign of life when all is silent. */
function limits(seconds: number): string[] {
  const interval = Math.ceil(seconds / SIGNS);
  const values = [
    `ConnectTimeout=${Math.ceil(seconds)}`,
    `ServerAliveInterval=${interval}`,
    `ServerAliveCountMax=${SIGNS}`,
  ];
  return values.flatMap((value) => ["-o", value]);
}

/**
 * The argv that starts a carrier deaf to the keyboard: Ctrl-C is the command's, not the link's. Ignored signals stay
 * ignored over exec, and ssh leaves them so; others get a session of their own, where no terminal sends any. It execs
 * (setsid forks only where it leads a process group, which a child of ours does not), so the child's pid is the carrier's.
 * Its stdin and stdout are these descriptors of its parent.
 */
export function deafArgv({ argv, isDetached }: Carrier, fds: { stdin: number; stdout: number }): string[] {
  const program = isDetached ? ["setsid", ...argv] : argv;
  const files = `<"/proc/$PPID/fd/${fds.stdin}" >"/proc/$PPID/fd/${fds.stdout}"`;
  return ["sh", "-c", `trap "" INT QUIT HUP TSTP; exec "$@" ${files}`, "sh", ...program];
}
