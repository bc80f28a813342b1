import { fileURLToPath } from "node:url";
import type { Host } from "./host.ts";
import { waitFor, waitUntil } from "./wait.ts";

/** A real Slurm with the host for its only node. It ends with the host. */
export interface Slurm {
  /** What makes Slurm's commands find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Output of a command of Slurm's. */
  ask(...words: string[]): Promise<string>;
  /** Waits, once the host has stopped, until nothing of it is left. */
  ended(): Promise<void>;
}

const START_TIMEOUT_MS = 180_000;
/** A node that its controller did not hear of at once says so again after a minute; asked, it does so at once. */
const ASK_MS = 10_000;
const STOP_TIMEOUT_MS = 15_000;
const decoder = new TextDecoder();

/** No accounting, no cgroups, several jobs at once on however few processors. */
function configuration(dir: string, { name, address }: { name: string; address: string }): string {
  return `ClusterName=test
SlurmctldHost=${name}(${address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${dir}/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
MpiDefault=none
ReturnToService=2
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd.pid
SlurmctldLogFile=${dir}/slurmctld.log
SlurmdLogFile=${dir}/slurmd.log
NodeName=${name} NodeAddr=${address} CPUs=2 RealMemory=1000
PartitionName=all Nodes=${name} Default=YES State=UP OverSubscribe=FORCE:32
`;
}

/** Starts it and returns when the node takes jobs. `hidden` are folders of this machine that are empty there. */
export async function startSlurm(host: Host, { hidden = [] }: { hidden?: readonly string[] } = {}): Promise<Slurm> {
  const dir = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "outrun-slurm-" });
  await Deno.writeTextFile(`${dir}/slurm.conf`, configuration(dir, { name: host.alias, ...host.facts }));
  const script = fileURLToPath(new URL("slurm.sh", import.meta.url));
  const child = new Deno.Command("setsid", {
    args: ["sh", script, dir, `${host.facts.initPid}`, ...hidden],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const environment = { SLURM_CONF: `${dir}/slurm.conf` };
  const ask = async (...words: string[]) => {
    const options = { args: words.slice(1), env: environment, stdin: "null", stderr: "null" } as const;
    return decoder.decode((await new Deno.Command(words[0], options).output()).stdout);
  };
  let asked = performance.now();
  const isIdle = async () => {
    if (performance.now() - asked > ASK_MS) {
      await ask("scontrol", "reconfigure");
      asked = performance.now();
    }
    return (await ask("sinfo", "--noheader", "--format=%T")).trim() === "idle";
  };
  const failure = `Cannot start Slurm on "${host.alias}": its node does not become idle`;
  await waitUntil(isIdle, { timeoutMs: START_TIMEOUT_MS, failure }).catch(async (error) => {
    const logs = ["log", "slurmctld.log", "slurmd.log"].map((name) => Deno.readTextFile(`${dir}/${name}`));
    const said = (await Promise.allSettled(logs)).map((log) =>
      log.status === "fulfilled" ? log.value.slice(-2000) : ""
    );
    throw new Error(`${error.message}; its logs end with:\n${said.join("\n")}`);
  });
  return {
    ...{ environment, ask },
    async ended() {
      await waitFor(child.status, { timeoutMs: STOP_TIMEOUT_MS, failure: "Cannot stop Slurm: it is still running" });
    },
  };
}
