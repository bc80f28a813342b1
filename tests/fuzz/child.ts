/** More than a target takes for its last round, and to make what it found shorter. */
const GRACE_SECONDS = 60;
const top = new URL("../../", import.meta.url).pathname;

/** How a target fared. */
export interface Outcome {
  readonly success: boolean;
  /** Rounds that were made; 0 where it failed. */
  readonly rounds: number;
  readonly output: string;
}

/** Feeds a target for some seconds; a crash, or a hang, is a failure that names its seed. */
export async function feed(name: string, { seconds, seed }: { seconds: number; seed: number }): Promise<Outcome> {
  const progress = Deno.makeTempFileSync({ prefix: "outrun_fuzz_" });
  try {
    const args = [name, String(seconds), String(seed), progress];
    const { code, output } = await runOne(args, seconds + GRACE_SECONDS);
    const success = code === 0;
    const rounds = Number(/^(\d+) rounds$/m.exec(output)?.[1] ?? 0);
    if (success) return { success, rounds, output };
    // It printed what it found, unless it could not any more.
    const at = Deno.readTextFileSync(progress).trim();
    return { success, rounds, output: `${output}${name}: status ${code}, in the round of seed ${at}\n` };
  } finally {
    Deno.removeSync(progress);
  }
}

/** Feeds a saved input to its target once more. */
export async function replay(path: string): Promise<Outcome> {
  const { code, output } = await runOne(["--replay", path], GRACE_SECONDS);
  return { success: code === 0, rounds: 1, output };
}

/** In mount and ipc namespaces of its own, and dead when this process is, or when the time is up. */
async function runOne(args: string[], seconds: number): Promise<{ code: number; output: string }> {
  const namespaces = ["unshare", "--mount", ...(Deno.uid() === 0 ? [] : ["--map-root-user"])];
  const bounded = ["--pdeathsig", "KILL", "timeout", "--signal=KILL", String(Math.ceil(seconds)), ...namespaces];
  const program = [`${top}scripts/deno`, "run", "--quiet", "--no-check", "-A", `${top}tests/fuzz/one.ts`];
  // What is mounted there goes with the namespace; the folder itself stays, however the child ends.
  const folder = Deno.makeTempDirSync({ prefix: "outrun_fuzz_" });
  // Also for those that become another user.
  Deno.chmodSync(folder, 0o755);
  try {
    const { code, stdout, stderr } = await new Deno.Command("setpriv", {
      args: [...bounded, "--kill-child", "--", ...program, ...args],
      env: { NO_COLOR: "1", OUTRUN_FUZZ_FOLDER: folder },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
