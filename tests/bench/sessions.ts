import { alternate, type Series, time } from "./measure.ts";
import type { Rig, Target } from "./rig.ts";
import { encodeVideo, makeVideo } from "./video.ts";

/** A command whose time through outrun is compared with that of two others. */
export interface Session {
  readonly title: string;
  /** A shell command that makes the files it needs. */
  readonly setup?: readonly string[];
  /** The command, for which `output` is a name for what it writes; run here, and through outrun. */
  readonly command: (output: string) => string[];
  /** What is run with plain ssh. Default: `true` over there. */
  readonly overSsh?: (ssh: readonly string[]) => string[];
  /** A shell condition that holds when `there`, from the other machine, is as `here`. */
  readonly check?: string;
  /** Measures installing the agent, too. */
  readonly fresh?: boolean;
}

const megabytes = 100;
const bytes = megabytes << 20;

/** By the names that the command line takes. */
export const sessions: Record<string, Session> = {
  true: { title: "`true`", command: () => ["true"] },
  first: { title: "`true`, first use of a host", command: () => ["true"], fresh: true },
  encode: {
    title: "encode",
    setup: ["ffmpeg", ...makeVideo("in.mp4")],
    command: (output) => ["ffmpeg", ...encodeVideo("in.mp4", `${output}.mp4`)],
    check: "cmp here.mp4 there.mp4",
  },
  ffmpeg: { title: "`ffmpeg -version`", command: () => ["ffmpeg", "-version"] },
  git: { title: "`git --version`", command: () => ["git", "--version"] },
  read: {
    title: `read ${megabytes} MiB`,
    setup: ["dd", "if=/dev/urandom", "of=large", "bs=1M", `count=${megabytes}`, "status=none"],
    command: () => ["dd", "if=large", "of=/dev/null", "bs=1M", "status=none"],
    overSsh: (ssh) => ["sh", "-c", `cat large | "$@"`, "sh", ...ssh, "cat >/dev/null"],
  },
  write: {
    title: `write ${megabytes} MiB`,
    command: (output) => ["dd", "if=/dev/urandom", `of=${output}`, "bs=1M", `count=${megabytes}`, "status=none"],
    overSsh: (ssh) => ["sh", "-c", `exec "$@" >plain`, "sh", ...ssh, `head -c ${bytes} /dev/urandom`],
    check: `test "$(stat -c %s there)" = ${bytes}`,
  },
};

/** What measuring a session gives. */
export type SessionTimes = Record<"local" | "ssh" | "outrun", Series>;

/** Where to measure, and how often each at most. */
export interface Measuring {
  readonly rig: Rig;
  readonly target: Target;
  readonly runs: number;
  readonly limitMs: number;
  readonly onRun: (run: number, name: string) => void;
}

/** Runs it in turns here, with plain ssh and through outrun; before that once through outrun, which is not counted. */
export async function measureSession(
  session: Session,
  { rig, target, ...options }: Measuring,
): Promise<SessionTimes> {
  const context = { ...rig.context, limitMs: options.limitMs };
  if (session.setup) await expect(session.setup, context);
  options.onRun(0, "outrun");
  await expect([...target.outrun, "true"], context);
  return await alternate<keyof SessionTimes>({
    local: () => time(session.command("here"), context),
    ssh: () => time(session.overSsh?.(target.ssh) ?? [...target.ssh, "true"], context),
    outrun: async () => {
      if (session.fresh) await rig.removeAgent();
      const result = await time([...target.outrun, ...session.command("there")], context);
      if (typeof result === "string" || session.check === undefined) return result;
      return typeof await time(["sh", "-c", session.check], context) === "string" ? "wrong output" : result;
    },
  }, options);
}

async function expect(command: readonly string[], context: Parameters<typeof time>[1]): Promise<void> {
  const result = await time([...command], context);
  if (typeof result === "string") throw new Error(`Cannot run "${command.join(" ")}": ${result}`);
}
