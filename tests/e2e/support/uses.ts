import assert from "node:assert/strict";
import type { Host } from "../../hosts/mod.ts";
import { type Machine, on, type OutrunOptions, type RunOptions } from "./machines.ts";

/** What a run of `hostname` on a host took, and what outrun said of it. */
export interface Use {
  /** Bytes sent of outrun itself. */
  readonly uploaded: number;
  readonly firstOutputMs: number;
  readonly stderr: string;
}

/** A line of what the tests have measured on a host: see reportUses(). */
export interface ReportedUses {
  readonly host: string;
  readonly result: string;
  readonly first: Figures;
  /** By the next version of outrun. */
  readonly update?: Figures;
  readonly reuse?: Figures;
}

export interface Figures {
  readonly ms: number;
  /** Not known of a host that was refused. */
  readonly bytes?: number;
}

/** No executable is that small, however well it is packed; an update is far smaller. */
const RUNTIME_BYTES = 10_000_000;

/** Runs `hostname` on a host, and asserts that it ran. */
export function useOf(host: Host, options: OutrunOptions & RunOptions = {}): Promise<Use> {
  return useBy(on(host, { ...options, options: ["--debug", ...options.options ?? []] }), host.alias, options);
}

/** The same by a machine, whose outrun is given --debug; `name` is the host's own. */
export async function useBy(machine: Machine, name: string, options: RunOptions = {}): Promise<Use> {
  const { status, text, stderr, firstOutputMs } = await machine.run(["hostname"], { timeoutMs: 120_000, ...options });
  assert.deepEqual([status, text], [0, `${name}\n`], stderr);
  return { uploaded: Number(/is up, (\d+) bytes uploaded/.exec(stderr)?.[1]), stderr, firstOutputMs };
}

/**
 * Uses a host that never saw outrun, and once more: the first use sends all of it, the second nothing. `label` is what
 * the host lacks, or how it is reached.
 */
export async function firstAndReuse(label: string, use: () => Promise<Use>): Promise<void> {
  const first = await use();
  assert.ok(first.uploaded > RUNTIME_BYTES, first.stderr);
  const reuse = await use();
  assert.equal(reuse.uploaded, 0, reuse.stderr);
  reportUses(label, { first, reuse });
}

/** Reports how a host was used: with the way in that --debug tells of. */
export function reportUses(host: string, uses: { first: Use; update?: Use; reuse: Use }): void {
  const way = /is started (as [^;\n]*|without root, [^:\n]*)/.exec(uses.first.stderr)?.[1];
  const { first, update, reuse } = uses;
  report({
    host,
    result: `runs ${way}`,
    first: figures(first),
    update: update && figures(update),
    reuse: figures(reuse),
  });
}

/** Reports that a host was refused, and how long that took. */
export function reportRefusal(host: string, { firstOutputMs }: { readonly firstOutputMs: number }): void {
  report({ host, result: "refused, in a line", first: { ms: firstOutputMs } });
}

function figures({ firstOutputMs, uploaded }: Use): Figures {
  return { ms: firstOutputMs, bytes: uploaded };
}

/** Adds a line of JSON to the file that $OUTRUN_TEST_USES names, if any; ../uses_table.ts makes a table of it. */
function report(uses: ReportedUses): void {
  const path = Deno.env.get("OUTRUN_TEST_USES");
  if (path !== undefined) Deno.writeTextFileSync(path, `${JSON.stringify(uses)}\n`, { append: true });
}

/** What is in a folder of agents, but for the contents that they keep. */
export async function listed(host: Host, folder = "/root/.cache/outrun"): Promise<string[]> {
  return (await host.exec(`ls -A ${folder}`)).stdout.split("\n").filter((name) =>
    name !== "" && !/^cache-\d+$/.test(name)
  );
}
