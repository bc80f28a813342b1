import { byteString, fromText, toText } from "../../bytes/mod.ts";
import { close, Errno, makePipe, Poller, POLLIN, read, spawn, unwrap } from "../../linux/mod.ts";
import type { IdMap } from "./id_map.ts";
import { ownMap } from "./ids.ts";
import { writeSmallFile } from "./small_file.ts";

/** Far more than it needs (5 ms), far less than a person waits. */
const START_TIMEOUT_MS = 10_000;

/**
 * Says its own pid (as /proc has it: outside the namespace), then waits for the end of its input. The shell stays, as
 * process 1 must collect the orphans of the namespace; cat alone would not. It stays in /, as pivot_root moves only those
 * along who are in exactly the old root: elsewhere, /proc/1/cwd would lead to the remote's files. Nobody hears it after
 * the pid: busybox's cat dies of that before it has anything to say.
 */
const script = 'cd / && read -r pid rest </proc/self/stat && echo "$pid" && cat >/dev/null; exit';

/** Keeps the command's namespaces alive, until told otherwise or until this process dies. */
export interface Holder {
  /** Its root is the command's. */
  readonly pid: number;
  /** Words before a program that is to be let into the command's mount. */
  readonly enter: readonly string[];
  /** Ends it, and with it every process of the namespaces. */
  end(): void;
}

/** The environment of helper programs. */
export function helperEnvironment() {
  return [fromText(`PATH=${Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`)];
}

/** Throws an Error for the user when this process cannot give the command's user an id. */
export function checkIds(ids: IdMap): void {
  for (const file of ["uid_map", "gid_map"] as const) {
    if (ids.fits(ownMap(file))) continue;
    throw new Error(
      "Cannot give the command's user an id: the remote's root has only a few (a rootless container?); " +
        "log in outside of that container",
    );
  }
}

/**
 * Starts process 1 of new namespaces and maps its ids. Throws an Error for the user. The options are the oldest that do:
 * that unshare's own end should end the rest (--kill-child) is of no use when the pipe does.
 */
export function startHolder(ids: IdMap): Holder {
  const input = unwrapPipe(makePipe());
  const output = unwrapPipe(makePipe());
  const flags = ["-U", "-m", "-p", "-f", "--propagation", "private"];
  const started = spawn(fromText("unshare"), {
    argv: ["unshare", ...flags, "sh", "-c", script].map(fromText),
    env: helperEnvironment(),
    fds: [[input.readEnd, 0], [output.writeEnd, 1], [output.writeEnd, 2]],
    leads: "session",
  });
  close(input.readEnd);
  close(output.writeEnd);
  const end = () => void close(input.writeEnd);
  try {
    if (started === -Errno.ENOENT) throw new Error("Cannot find unshare on the remote; install util-linux there");
    unwrap(started, "run unshare");
    const pid = readPid(output.readEnd);
    for (const file of ["gid_map", "uid_map"]) {
      unwrap(writeSmallFile(`/proc/${pid}/${file}`, ids.text), `write the ${file} of the command's namespace`);
    }
    return { pid, enter: ["nsenter", `--user=/proc/${pid}/ns/user`, "-S", "0", "-G", "0", "--"], end };
  } catch (error) {
    end();
    throw error;
  } finally {
    close(output.readEnd);
  }
}

export function unwrapPipe(pipe: ReturnType<typeof makePipe>) {
  if (typeof pipe !== "number") return pipe;
  throw new Error(`Cannot make a pipe: errno ${-pipe}`);
}

/** Reads the line with the pid; anything else is a complaint of unshare or the shell. */
function readPid(fd: number): number {
  let text = "";
  let ended = false;
  const deadline = performance.now() + START_TIMEOUT_MS;
  const poller = new Poller();
  const buffer = new Uint8Array(1024);
  poller.add(fd, POLLIN, () => {
    const length = read(fd, buffer);
    if (length > 0) text += toText(byteString(buffer, 0, length));
    else ended = length !== -Errno.EINTR;
  });
  while (!ended && !/^\d+\n/.test(text)) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    poller.wait(Math.ceil(left));
  }
  if (/^\d+\n/.test(text)) return Number.parseInt(text, 10);
  const said = text.trim();
  throw new Error(`Cannot make namespaces on the remote: ${said !== "" ? said : "unshare says nothing"}`);
}
