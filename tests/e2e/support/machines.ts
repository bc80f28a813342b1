import { fileURLToPath } from "node:url";
import type { Host } from "../../hosts/mod.ts";
import { Process, type ProcessOptions, type Result } from "./process.ts";

export interface RunOptions extends ProcessOptions {
  /** Words before the program, as `["nice"]`; on another machine, before outrun. */
  readonly prefix?: readonly string[];
}

/** Where commands run. */
export interface Machine {
  /** The whole command line. */
  words(argv: readonly string[]): string[];
  start(argv: readonly string[], options?: RunOptions): Process;
  run(argv: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same for a script of `sh`. */
  shell(script: string, options?: RunOptions): Promise<Result>;
}

export interface OutrunOptions {
  /** Outrun's own options. */
  readonly options?: readonly string[];
  /** As ssh takes it, if not root on the host itself: a link's alias, or `alice@farhost`. */
  readonly destination?: string;
  /** For `ssh -F`, if not the host's own. */
  readonly sshConfig?: string;
  /** Another executable than the built one. */
  readonly executable?: string;
}

/** What the tests run: the built executable, or the file that $OUTRUN_TEST_PROGRAM names. */
export const program = Deno.env.get("OUTRUN_TEST_PROGRAM") ??
  fileURLToPath(new URL("../../../dist/outrun", import.meta.url));
/** What stays from run to run. */
export const scratch = fileURLToPath(new URL("../../../.cache/e2e", import.meta.url));
const home = `${scratch}/home`;
Deno.mkdirSync(home, { recursive: true });

/**
 * All that is in the environment of what the tests start: nothing of the machine's user. The cache is kept from run to run,
 * as outrun takes a second to pack itself.
 */
export const environment: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: home,
  XDG_CACHE_HOME: scratch,
  LANG: "C.UTF-8",
};

function machine(words: (argv: readonly string[]) => string[]): Machine {
  const start = (argv: readonly string[], options: RunOptions = {}) =>
    new Process([...(options.prefix ?? []), ...words(argv)], { ...options, env: { ...environment, ...options.env } });
  const run = async (argv: readonly string[], options?: RunOptions) => {
    await using process = start(argv, options);
    return await process.result();
  };
  return { words, start, run, shell: (script, options) => run(["sh", "-c", script], options) };
}

/** This machine: what a run elsewhere is compared with. By `env`, as Deno gives a program its path for a name. */
export const here: Machine = machine((argv) => ["/usr/bin/env", ...argv]);

/** Another machine, by way of outrun. */
export function on(
  host: Pick<Host, "alias" | "sshConfig">,
  { options = [], destination, sshConfig, executable }: OutrunOptions = {},
): Machine {
  const ssh = ["--ssh", `-F "${sshConfig ?? host.sshConfig}"`];
  return machine((argv) => [executable ?? program, ...ssh, ...options, destination ?? host.alias, ...argv]);
}

/** Another machine, by way of outrun and of a program other than ssh: `rsh` is what --rsh takes. */
export function by(rsh: string, { options = [], destination = "-" }: OutrunOptions = {}): Machine {
  return machine((argv) => [program, "--rsh", rsh, ...options, destination, ...argv]);
}
