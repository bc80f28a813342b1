import { byteString, fromText, toBytes, toText } from "../../bytes/mod.ts";
import { close, Errno, makePipe, Poller, POLLIN, read, spawn, unwrap, write } from "../../linux/mod.ts";
import type { IdMap } from "./id_map.ts";
import { ownMap } from "./ids.ts";
import { writeSmallFile } from "./small_file.ts";

/** Far more than it needs (5 ms), far less than a person waits. */
const START_TIMEOUT_MS = 10_000;

/**
 * Says its own pid (as /proc has it: outside the namespace), then waits for the end of its input. The shell stays, as
 * process 1 must collect the orphans of the namespace; cat alone would not. It stays in /, as pivot_root moves only those
 * along who are in exactly the old root: elsewhere, /proc/1/cwd would lead to the remote's files.
 */
const script = 'cd / && read -r pid rest </proc/self/stat && echo "$pid" && cat; exit';

/**
 * What cat gets first, and says: it runs. Before that, nobody may change the root that it is found in. What it says is
 * kept open: busybox's cat dies when nobody hears it any more.
 */
const READY = "ready\n";

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
 * Starts process 1 of new namespaces; the function that it returns waits until it runs, and maps its ids. That throws an
 * Error for the user, also where it could not be started. The options are the oldest that do: that unshare's own end should
 * end the rest (--kill-child) is of no use when the pipe does.
 */
export function startHolder(ids: IdMap): () => Holder {
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
  const end = () => endPipes(input, output);
  return () => {
    try {
      if (started === -Errno.ENOENT) throw new Error("Cannot find unshare on the remote; install util-linux there");
      unwrap(started, "run unshare");
      const pid = Number.parseInt(hearReady(input, output), 10);
      for (const file of ["gid_map", "uid_map"]) {
        unwrap(writeSmallFile(`/proc/${pid}/${file}`, ids.text), `write the ${file} of the command's namespace`);
      }
      return { pid, enter: ["nsenter", `--user=/proc/${pid}/ns/user`, "-S", "0", "-G", "0", "--"], end };
    } catch (error) {
      end();
      throw error;
    }
  };
}

/** The ends of a holder's input and output that are ours. */
interface Ends {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** Closes our ends of both, which ends a holder. */
export function endPipes(input: Ends, output: Ends): void {
  close(input.writeEnd);
  close(output.readEnd);
}

/** Waits until a holder's cat runs; returns what was said before that. Throws an Error for the user with what is said instead. */
export function hearReady(input: Ends, output: Ends): string {
  write(input.writeEnd, toBytes(fromText(READY)));
  const said = readUntil(output.readEnd, READY);
  if (said.endsWith(READY)) return said.slice(0, -READY.length);
  const complaint = said.trim();
  throw new Error(`Cannot make namespaces on the remote: ${complaint !== "" ? complaint : "unshare says nothing"}`);
}

export function unwrapPipe(pipe: ReturnType<typeof makePipe>) {
  if (typeof pipe !== "number") return pipe;
  throw new Error(`Cannot make a pipe: errno ${-pipe}`);
}

/** Reads until the text ends with this, or there is no more. */
function readUntil(fd: number, last: string): string {
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
  while (!ended && !text.endsWith(last)) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    poller.wait(Math.ceil(left));
  }
  return text;
}
