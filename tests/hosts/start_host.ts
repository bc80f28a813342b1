import { fileURLToPath } from "node:url";
import { Host, type HostFacts } from "./host.ts";
import { inspectProcesses } from "./inspect.ts";
import { writeKeys, writeSshConfig, writeSshdConfig } from "./ssh_config.ts";
import { waitFor, waitUntil } from "./wait.ts";

export type HostKind = "debian" | "musl";

/** An account there. */
export interface HostUser {
  readonly name: string;
  readonly uid: number;
  /** Whether they have 65536 ids more for namespaces, in /etc/subuid and /etc/subgid. */
  readonly ranges?: boolean;
}

/** What a host has that the default one has not. */
export interface HostOptions {
  /** Its host name and its ssh alias; `farhost` if not given. */
  readonly name?: string;
  /** `debian` if not given; `musl` is like Alpine: busybox and dropbear, no glibc, no util-linux, no perl. */
  readonly kind?: HostKind;
  /** Users to add, all reachable with the same key as root. */
  readonly users?: readonly HostUser[];
  /** Absolute paths to delete before anything runs there, e.g. `/dev/fuse`. */
  readonly remove?: readonly string[];
  /** Lines that override those of its sshd_config; of no effect on dropbear. */
  readonly sshdConfig?: readonly string[];
  /** Room on its root file system, as tmpfs(5) writes sizes (`20m`); half of the memory if not given. */
  readonly size?: string;
  /** Makes every home folder a file system of its own with that much room. */
  readonly homeSize?: string;
  /** Hides a part of /proc, as container engines do. */
  readonly maskProc?: boolean;
  /** Mode of /dev/fuse; 0666, as udev makes it, if not given. */
  readonly fuseMode?: "0666" | "0600";
}

const SSH_PORT = 22;
const decoder = new TextDecoder();

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

const recipes = { debian: "rootfs.sh", musl: "musl_rootfs.sh" } as const;
const rootfs = new Map<HostKind, Promise<string>>();

/** The folder of the root file system that all hosts of a kind share, built on first use; what it does goes to stderr. */
export function ensureRootfs(kind: HostKind = "debian"): Promise<string> {
  const known = rootfs.get(kind);
  if (known !== undefined) return known;
  const made = (async () => {
    const args = [script(recipes[kind])];
    const { success, stdout } = await new Deno.Command("sh", { args, stdin: "null", stderr: "inherit" }).output();
    if (!success) throw new Error("Cannot prepare the second host's root file system: see the lines above");
    return decoder.decode(stdout).trim();
  })();
  rootfs.set(kind, made);
  return made;
}

/** Reads host.sh's `word value` lines up to `up`. */
async function readFacts(stdout: ReadableStream<Uint8Array>): Promise<HostFacts | undefined> {
  const facts = new Map<string, string>();
  let text = "";
  for await (const chunk of stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const [word, value] of lines.map((line) => line.split(" "))) facts.set(word, value);
    if (facts.has("up")) {
      return { address: facts.get("address")!, veth: facts.get("veth")!, initPid: Number(facts.get("pid")) };
    }
  }
  return undefined;
}

function spawnSupervisor(dir: string, rootfs: string, options: HostOptions & { name: string }): Deno.ChildProcess {
  // A session of its own: Ctrl-C at the starter's terminal is the starter's business.
  return new Deno.Command("setsid", {
    args: ["sh", script("host.sh"), dir, rootfs],
    env: {
      HOST_NAME: options.name,
      HOST_KIND: options.kind ?? "debian",
      HOST_USERS: (options.users ?? []).map((user) => `${user.name}:${user.uid}${user.ranges ? ":ranges" : ""}`).join(
        " ",
      ),
      HOST_REMOVE: (options.remove ?? []).join("\n"),
      HOST_SIZE: options.size ?? "",
      HOST_HOME_SIZE: options.homeSize ?? "",
      HOST_MASK_PROC: options.maskProc ? "yes" : "",
      HOST_FUSE_MODE: options.fuseMode ?? "0666",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Asks the kernel, proc(5) net/tcp: a connection would show for a while among the host's processes. */
async function listens({ initPid }: HostFacts): Promise<boolean> {
  const sockets = await Deno.readTextFile(`/proc/${initPid}/net/tcp`);
  const port = SSH_PORT.toString(16).padStart(4, "0").toUpperCase();
  return sockets.includes(`:${port} 00000000:0000 0A `);
}

async function waitForHost(supervisor: Deno.ChildProcess): Promise<HostFacts> {
  const facts = await waitFor(readFacts(supervisor.stdout), { failure: "no answer from its set-up" });
  if (!facts) throw new Error((await new Response(supervisor.stderr).text()).trim());
  await supervisor.stderr.cancel();
  await waitUntil(() => listens(facts), { failure: "its sshd does not answer" });
  // From here on there is nobody new whom no test has brought.
  const isWhole = async () => [...(await inspectProcesses(facts.initPid)).values()].includes("cat");
  await waitUntil(isWhole, { failure: "its init does not wait for its end" });
  return facts;
}

/** Starts a host and returns when its sshd accepts connections. Needs root. */
export async function startHost(given: HostOptions = {}): Promise<Host> {
  const options = { ...given, name: given.name ?? "farhost" };
  const rootfs = await ensureRootfs(options.kind);
  const dir = await Deno.makeTempDir({ prefix: "outrun-host-" });
  await writeKeys(dir, options.name);
  await writeSshdConfig(dir, options.sshdConfig ?? []);
  const supervisor = spawnSupervisor(dir, rootfs, options);
  try {
    const facts = await waitForHost(supervisor);
    const target = { alias: options.name, address: facts.address, port: SSH_PORT };
    writeSshConfig(dir, options.name, [target]);
    return new Host(options.name, { dir, supervisor, facts, target });
  } catch (cause) {
    await supervisor.stdin.close().catch(() => {});
    await supervisor.status;
    throw new Error(`Cannot start host "${options.name}": ${(cause as Error).message}`, { cause });
  }
}
