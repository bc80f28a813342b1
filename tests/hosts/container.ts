import { fileURLToPath } from "node:url";
import { ensureRootfs } from "./start_host.ts";
import { waitFor } from "./wait.ts";

/** A container of podman's, on the second hosts' root file system, without a network. */
export interface Container extends AsyncDisposable {
  /** Its name, for the engine, and its host name. */
  readonly name: string;
  /** What makes `podman` find it: the engine's state is in a folder of its own, nothing of the machine's is used. */
  readonly environment: Readonly<Record<string, string>>;
  /** A FUSE device with the mode that udev gives it, for --device; /dev/fuse of build machines is closed to others. */
  readonly fuseDevice: string;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** Limits, as raising those of processes is not permitted on every build machine, and cgroups without systemd. */
const engine = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** Starts a container with more of podman's flags; returns when it runs. Needs root, and podman and runc. */
export async function startContainer(
  flags: (container: Pick<Container, "fuseDevice">) => readonly string[] = () => [],
): Promise<Container> {
  const rootfs = await ensureRootfs();
  const dir = await Deno.makeTempDir({ prefix: "outrun-container-" });
  const name = dir.slice(dir.lastIndexOf("/") + 1);
  const fuseDevice = `${dir}/fuse`;
  await Deno.writeTextFile(`${dir}/containers.conf`, engine);
  await Deno.writeTextFile(
    `${dir}/storage.conf`,
    `[storage]\ndriver = "overlay"\ngraphroot = "${dir}/storage"\nrunroot = "${dir}/run"\n`,
  );
  await new Deno.Command("mknod", { args: ["-m", "666", fuseDevice, "c", "10", "229"] }).output();
  const environment = { CONTAINERS_CONF: `${dir}/containers.conf`, CONTAINERS_STORAGE_CONF: `${dir}/storage.conf` };
  const script = fileURLToPath(new URL("container.sh", import.meta.url));
  // A session of its own: Ctrl-C at the starter's terminal is the starter's business.
  const child = new Deno.Command("setsid", {
    args: ["sh", script, dir, rootfs, name, ...flags({ fuseDevice })],
    env: environment,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stop = async () => {
    await child.stdin.close().catch(() => {});
    await waitFor(child.status, { timeoutMs: STOP_TIMEOUT_MS, failure: `Cannot stop container "${name}"` });
  };
  const reader = child.stdout.getReader();
  const { value } = await waitFor(reader.read(), { timeoutMs: START_TIMEOUT_MS, failure: "podman says nothing" });
  if (value === undefined) {
    const said = await new Response(child.stderr).text();
    await stop();
    throw new Error(`Cannot start container "${name}": ${said.trim()}`);
  }
  return {
    ...{ name, environment, fuseDevice },
    async [Symbol.asyncDispose]() {
      await stop();
      await Promise.all([reader.cancel(), child.stderr.cancel()]);
    },
  };
}
