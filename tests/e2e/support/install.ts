import assert from "node:assert/strict";
import type { Host } from "../../hosts/mod.ts";
import { on, type OutrunOptions, type RunOptions } from "./machines.ts";

/** Runs `hostname` on a host, asserts that it ran, and returns how many bytes were sent and what outrun said. */
export async function useOf(
  host: Host,
  options: OutrunOptions & RunOptions = {},
): Promise<{ uploaded: number; stderr: string }> {
  const machine = on(host, { ...options, options: ["--debug", ...options.options ?? []] });
  const { status, text, stderr } = await machine.run(["hostname"], { timeoutMs: 120_000, ...options });
  assert.deepEqual([status, text], [0, `${host.alias}\n`], stderr);
  return { uploaded: Number(/is up, (\d+) bytes uploaded/.exec(stderr)?.[1]), stderr };
}

/** What is in a folder of agents, but for the contents that they keep. */
export async function listed(host: Host, folder = "/root/.cache/outrun"): Promise<string[]> {
  return (await host.exec(`ls -A ${folder}`)).stdout.split("\n").filter((name) =>
    name !== "" && !/^cache-\d+$/.test(name)
  );
}
