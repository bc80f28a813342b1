import { median, time } from "./measure.ts";
import { Rig, type Target } from "./rig.ts";

const START_RUNS = 20;
const LIMIT_MS = 60_000;

/** What the executable costs before it does anything. Sizes in bytes, times in ms. */
export interface ExecutableCosts {
  readonly size: number;
  /** From exec to the end of `outrun --version`; the median of {@link START_RUNS}. */
  readonly start: number;
  /** What goes over the wire to a host that has no agent, in the packing that the host knows. */
  readonly uploaded: number;
  readonly packing: string;
}

export async function measureExecutable(rig: Rig, target: Target): Promise<ExecutableCosts> {
  const starts: number[] = [];
  for (let run = 0; run < START_RUNS; run++) {
    const start = await time([Rig.executable, "--version"], { ...rig.context, limitMs: LIMIT_MS });
    if (typeof start === "string") throw new Error(`Cannot start "${Rig.executable}": ${start}`);
    starts.push(start);
  }
  const { size } = await Deno.stat(Rig.executable);
  return { size, start: median(starts), ...await measureUpload(rig, target) };
}

async function measureUpload(rig: Rig, target: Target): Promise<{ uploaded: number; packing: string }> {
  await rig.removeAgent();
  const [outrun, ...words] = target.outrun;
  const signal = AbortSignal.timeout(LIMIT_MS);
  const command = new Deno.Command(outrun, {
    ...rig.context,
    args: ["--debug", ...words, "true"],
    stdin: "null",
    signal,
  });
  const said = new TextDecoder().decode((await command.output()).stderr);
  const [, uploaded, packing] = /sending (\d+) of \d+ bytes \((\w+)\)/.exec(said) ?? [];
  if (packing === undefined) throw new Error(`Cannot measure the upload: there was none: ${said}`);
  return { uploaded: Number(uploaded), packing };
}
