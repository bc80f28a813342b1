import { fromText } from "../bytes/mod.ts";
import { AT_FDCWD, effectiveUser, makeNodeAt, S_IFDIR, S_IFMT, S_IFSOCK, statPath, unlinkAt } from "../linux/mod.ts";
import { log } from "../log/mod.ts";
import type { Carrier, Ssh } from "./argv.ts";
import { cacheFolder, replaceFile } from "./cache_folder.ts";

/**
 * Whose socket further channels of ssh's connection meet at: the user's own, where the configuration names one
 * (ControlPath); ours, where it does not; or none.
 */
type Sharing = "user" | "ours" | "none";

/** Most answers that are remembered. */
const MAX_KNOWN = 100;
/** ssh may run programs of the user's (Match exec) or ask for names before it tells. */
const LIMIT_MS = 1000;
/** Of a socket's path (unix(7): 108 bytes), less what ssh puts behind it for a moment. */
const MAX_PATH = 88;

/**
 * A carrier whose connection may be used by more than one channel, as {@link Carrier.channel} says. What the configuration
 * says of that is asked of ssh once (`ssh -G`, 20 ms) and then known until the files have changed; no connection is made.
 */
export async function shareConnection(carrier: Carrier, cache = cacheFolder()): Promise<Carrier> {
  const { ssh } = carrier;
  if (ssh === undefined || cache === undefined) return carrier;
  const path = `${cache}/connections.json`;
  const key = keyOf(ssh);
  const known = readKnown(path);
  let sharing = known.get(key);
  if (sharing === undefined) {
    sharing = await askSsh(ssh);
    if (sharing === undefined) return carrier;
    known.set(key, sharing);
    const kept = Object.fromEntries([...known].slice(-MAX_KNOWN));
    await replaceFile(path, (temporary) => Deno.writeTextFile(temporary, JSON.stringify(kept))).catch(() => {});
  }
  switch (sharing) {
    case "user":
      return { ...carrier, channel: channelWords(ssh, ssh.args) };
    case "ours":
      return withSocket(carrier, ssh, cache);
  }
  return carrier;
}

/** The socket that a carrier killed by force has left. */
export function removeSocket({ socket }: Carrier): void {
  // Most often ssh has.
  if (socket !== undefined) unlinkAt(AT_FDCWD, fromText(socket));
}

function withSocket(carrier: Carrier, ssh: Ssh, cache: string): Carrier {
  const socket = freePath(Deno.env.get("XDG_RUNTIME_DIR")) ?? freePath(cache);
  if (socket === undefined) return carrier;
  // No process of ssh's own that outlives ours, whatever the configuration has for other hosts.
  const master = ["ControlMaster=yes", `ControlPath=${socket}`, "ControlPersist=no"].flatMap((value) => ["-o", value]);
  const at = carrier.argv.lastIndexOf("--");
  return {
    ...carrier,
    argv: [...carrier.argv.slice(0, at), ...master, ...carrier.argv.slice(at)],
    // All that leads to the host is the master's: the configuration is not read once more.
    channel: channelWords(ssh, ["-F", "none", "-o", `ControlPath=${socket}`]),
    socket,
  };
}

/** A channel of a connection that stands, or nothing: it can neither connect nor ask. */
function channelWords({ destination }: Ssh, args: readonly string[]): string[] {
  const own = ["ControlMaster=no", "ProxyCommand=false", "BatchMode=yes", "RemoteCommand=none", "LogLevel=QUIET"];
  return ["ssh", "-T", ...own.flatMap((value) => ["-o", value]), ...args, "--", destination, "sh"];
}

/**
 * Where a socket can be made: ssh ends where it cannot. Only in a folder where nobody else can make one first, for whoever has
 * the socket is given what is sent.
 */
function freePath(dir: string | undefined): string | undefined {
  if (dir === undefined || !/^\/[\w./@+-]+$/.test(dir) || !isPrivate(dir)) return undefined;
  const path = `${dir}/outrun-${crypto.randomUUID().slice(0, 8)}`;
  if (path.length > MAX_PATH || makeNodeAt(AT_FDCWD, fromText(path), S_IFSOCK | 0o600, 0) < 0) return undefined;
  unlinkAt(AT_FDCWD, fromText(path));
  return path;
}

function isPrivate(dir: string): boolean {
  const stat = statPath(fromText(dir));
  if (typeof stat === "number") return false;
  return (stat.mode & S_IFMT) === S_IFDIR && (stat.mode & 0o022) === 0 && stat.uid === effectiveUser();
}

/** Undefined where ssh fails, as it is going to once more. */
async function askSsh({ args, destination }: Ssh): Promise<Sharing | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const said = await output(["-G", "-T", ...args, "--", destination], signal);
  // Whoever would have to wait for it each time is better off without.
  if (said === undefined) return signal.aborted ? "none" : undefined;
  const named = /^controlpath (.*)$/m.exec(said)?.[1];
  // Whoever wants to be asked for each channel wants none behind the back.
  const isOff = named === "none" || /^controlmaster (ask|autoask)$/m.test(said);
  const sharing = isOff ? "none" : named === undefined ? "ours" : "user";
  log.debug(`the socket that channels of the connection meet at: ${sharing}`);
  return sharing;
}

/** What ssh says; undefined where it fails or is not there: starting it in earnest tells why. */
async function output(args: string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    const command = new Deno.Command("ssh", { args, stdin: "null", stderr: "null", signal });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** The question, and the state of the files that hold the answer. */
function keyOf({ args, destination }: Ssh): string {
  const at = args.findLastIndex((word) => word.startsWith("-F"));
  const own = at < 0 ? `${Deno.env.get("HOME")}/.ssh/config` : args[at].slice(2) || args[at + 1];
  const times = [own, "/etc/ssh/ssh_config"].map(changeTime);
  return JSON.stringify([...args, destination, ...times]);
}

function changeTime(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

function readKnown(path: string): Map<string, Sharing> {
  try {
    return new Map(Object.entries<Sharing>(JSON.parse(Deno.readTextFileSync(path))));
  } catch {
    return new Map();
  }
}
