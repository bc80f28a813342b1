import { fileURLToPath } from "node:url";
import { writeKeys, writeSshConfig, writeSshdConfig } from "../hosts/ssh_config.ts";
import { waitUntil } from "../hosts/wait.ts";

/** A second machine with a kernel of its own, emulated. It ends with stop(), or with this process, however that ends. */
export interface VirtualMachine {
  /** What to call it towards ssh. */
  readonly name: string;
  /** The file for `ssh -F`. */
  readonly sshConfig: string;
  stop(): Promise<void>;
}

export interface VirtualMachineOptions {
  readonly name: string;
  /** The folder of its root file system: with an sshd, of the architecture of this machine. */
  readonly rootfs: string;
}

/** Emulated, a boot takes half a minute on a busy machine. */
const BOOT_TIMEOUT_MS = 300_000;
const decoder = new TextDecoder();

/** Runs QEMU until its stdin, a pipe from the starter, ends, however that is; says so when QEMU ends before. */
const keeper = `
dir=$1
shift
("$@" </dev/null >/dev/null 2>&1; echo ended) &
cat >/dev/null
kill -9 "$(cat "$dir/pid")" 2>/dev/null
wait
rm -rf "$dir"
`;

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot run ${program}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout).trim();
}

/** Boots one and returns when its sshd lets in. Needs root, and QEMU; the first use fetches a kernel into .cache/. */
export async function startVirtualMachine({ name, rootfs }: VirtualMachineOptions): Promise<VirtualMachine> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const kernel = await run("sh", [here("kernel.sh")]);
  const dir = await Deno.makeTempDir({ prefix: "outrun-machine-" });
  await writeKeys(dir, name);
  await writeSshdConfig(dir, ["UseDNS no"]);
  await run("sh", [here("disk.sh"), dir, rootfs, name]);
  const port = freePort();
  writeSshConfig(dir, name, [{ alias: name, address: "127.0.0.1", port }]);
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", keeper, "sh", dir, "qemu-system-x86_64", ...machineArguments(dir, kernel, port)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let ended = false;
  const watching = (async () => {
    for await (const _ of child.stdout) ended = true;
  })();
  const stop = async () => {
    await child.stdin.close().catch(() => {});
    await Promise.all([child.status, watching]);
  };
  const sshConfig = `${dir}/ssh_config`;
  try {
    await waitUntil(async () => {
      if (ended) throw new Error("QEMU has ended");
      const args = ["-F", sshConfig, "-o", "ConnectTimeout=10", name, "true"];
      return (await new Deno.Command("ssh", { args, stdin: "null", stderr: "null" }).output()).success;
    }, { timeoutMs: BOOT_TIMEOUT_MS, failure: "its sshd does not answer" });
  } catch (cause) {
    const log = await Deno.readTextFile(`${dir}/log`).catch(() => "");
    await stop();
    throw new Error(`Cannot boot "${name}": ${(cause as Error).message}; it said: ${log.slice(-2000)}`, { cause });
  }
  return { name, sshConfig, stop };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Emulated, for build machines have no kvm; no network but one port of loopback, which leads to its sshd. */
function machineArguments(dir: string, kernel: string, port: number): string[] {
  return [
    ...["-pidfile", `${dir}/pid`],
    ...["-M", "pc", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024"],
    ...["-display", "none", "-monitor", "none", "-serial", `file:${dir}/log`, "-no-reboot"],
    ...["-kernel", `${kernel}/vmlinuz`, "-initrd", `${kernel}/initrd`],
    ...["-append", "console=ttyS0 quiet panic=-1"],
    ...["-drive", `file=${dir}/disk,if=virtio,format=raw,cache=unsafe`],
    ...["-netdev", `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...["-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"],
  ];
}
