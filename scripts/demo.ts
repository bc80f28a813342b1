/**
 * The demonstration: what outrun claims, done and shown on a throwaway second host.
 *
 * 1. Install what is missing, build, bring the host up.
 * 2. Make a video with ffmpeg and encode it here.
 * 3. Encode it on the host through outrun, and look at the host meanwhile.
 * 4. Compare the two outputs, and what the host holds with what it held before.
 *
 * A step that does not come out as it should ends it with one line and status 1. The host and the files go with this
 * process, however it ends; what stays in .cache/ only makes the next run quicker.
 *
 * @module
 */
import { encodeVideo, makeVideo, VIDEO_SECONDS, VIDEO_SIZE } from "../tests/bench/video.ts";
import { WorkFolder } from "../tests/bench/work_folder.ts";
import { type Host, startHost } from "../tests/hosts/mod.ts";
import { waitUntil } from "../tests/hosts/wait.ts";
import { Steps } from "./steps.ts";

const packages = ["ffmpeg", "openssh-client"];
const top = Deno.cwd();
/** Outrun's own cache is in here too, not in the user's. */
const cache = `${top}/.cache/demo`;
/** Time for a session's last processes to vanish. */
const END_MS = 5000;
const ENCODE_MS = 120_000;

const steps = new Steps();

async function prepare(): Promise<void> {
  steps.begin("packages");
  await steps.follow(["scripts/packages", ...packages], { seconds: 900 });
  steps.say(packages.join(", "));
  steps.begin("build");
  await steps.follow(["scripts/build"], { seconds: 900 });
  steps.say(`dist/outrun, ${megabytes((await Deno.stat("dist/outrun")).size)}`);
  steps.begin("host");
  await steps.follow(["sh", "tests/hosts/rootfs.sh"], { seconds: 1800 });
}

async function introduce(host: Host): Promise<void> {
  const { stdout } = await host.exec(". /etc/os-release; echo $PRETTY_NAME");
  steps.say(`${host.alias}: ${stdout.trim()}, with a network, processes and files of its own`);
  const { code, stderr } = await host.exec("ffmpeg -version");
  expect(code === 127, `ffmpeg gives status ${code} on ${host.alias}, not 127`);
  steps.say(`ffmpeg on ${host.alias}: ${stderr.trim()}`);
}

async function encodeHere(folder: string): Promise<void> {
  steps.begin("video");
  await steps.run(["ffmpeg", ...makeVideo("in.mp4")], { seconds: 60, cwd: folder });
  const { size } = await Deno.stat(`${folder}/in.mp4`);
  steps.say(`in.mp4: ${VIDEO_SECONDS} s of ${VIDEO_SIZE}, ${megabytes(size)}`);
  steps.begin("here");
  const command = ["ffmpeg", ...encodeVideo("in.mp4", "here.mp4")];
  steps.say(command.join(" "));
  const start = performance.now();
  await steps.run(command, { seconds: 60, cwd: folder });
  steps.say(`${secondsSince(start)} on ${Deno.hostname()}`);
}

async function encodeThere(folder: string, host: Host): Promise<void> {
  const outrun = [`${top}/dist/outrun`, "--ssh", `-F ${host.sshConfig}`, host.alias];
  const options = { seconds: ENCODE_MS / 1000, cwd: folder, env: { XDG_CACHE_HOME: cache } };
  steps.begin("there");
  steps.say(`outrun ${host.alias} hostname`);
  const firstStart = performance.now();
  const name = (await steps.run([...outrun, "hostname"], options)).trim();
  expect(name === host.alias, `the command ran on "${name}"`);
  steps.say(`${secondsSince(firstStart)}, with copying itself there; it says: ${name}`);

  const command = ["ffmpeg", ...encodeVideo("in.mp4", "there.mp4")];
  steps.say(`outrun ${host.alias} ${command.join(" ")}`);
  const start = performance.now();
  const running = steps.run([...outrun, ...command], options);
  const [, seen] = await Promise.all([running, watchFor(host, "ffmpeg ", running)]);
  steps.say(`${secondsSince(start)}; meanwhile on ${host.alias}, process ${seen}`);
}

/** Looks at the host's processes, as long as `running` is not over, for one whose command line begins with `words`. */
async function watchFor(host: Host, words: string, running: Promise<unknown>): Promise<string> {
  let over = false;
  running.catch(() => {}).then(() => over = true); // the caller hears of a failure
  let seen: string | undefined;
  const look = async () => {
    seen = (await processesOf(host)).find((process) => process.includes(`: ${words}`));
    return over || seen !== undefined;
  };
  await waitUntil(look, { timeoutMs: ENCODE_MS, failure: `Cannot encode on ${host.alias}: too slow` });
  await running;
  if (seen === undefined) throw new Error(`Cannot show it: no process "${words.trim()}" was seen on ${host.alias}`);
  return seen;
}

async function compare(folder: string): Promise<void> {
  const options = { seconds: 60, cwd: folder };
  steps.begin("compare");
  const sums = await steps.run(["sha256sum", "here.mp4", "there.mp4"], options);
  for (const line of sums.trim().split("\n")) steps.say(line);
  await steps.run(["cmp", "here.mp4", "there.mp4"], options);
  steps.say("cmp finds no difference");
}

/** `number: command line` */
async function processesOf(host: Host): Promise<string[]> {
  return [...await host.pids()].map(([pid, line]) => `${pid}: ${line}`);
}

/** All but those in /proc and /sys. */
async function pathsOf(host: Host): Promise<string[]> {
  return (await host.exec("find / /run /dev -xdev")).stdout.trim().split("\n");
}

async function showRemains(host: Host, before: { processes: string[]; paths: string[] }): Promise<void> {
  steps.begin("left there");
  const news = async () => (await processesOf(host)).filter((process) => !before.processes.includes(process));
  const failure = `Cannot show it: processes of a session are still on ${host.alias}`;
  await waitUntil(async () => (await news()).length === 0, { timeoutMs: END_MS, failure });
  const mounts = (await host.mounts()).length;
  expect(mounts === 0, `${mounts} FUSE mounts are still on ${host.alias}`);
  const known = new Set(before.paths);
  const added = (await pathsOf(host)).filter((path) => !known.has(path));
  const other = added.find((path) =>
    !/^\/root\/\.cache(\/outrun(\/agent-[0-9a-f]{64}|\/cache-\d+(\/.*)?)?)?$/.test(path)
  );
  expect(other === undefined, `"${other}" is new on ${host.alias}`);
  steps.say(`${added.at(-1)}; no other file, no process, no mount`);
}

async function demonstrate(): Promise<void> {
  if (Deno.uid() !== 0) throw new Error("Cannot bring up a second host: not root; run it as root");
  await prepare();
  await using folder = await WorkFolder.make(cache);
  {
    await using host = await startHost();
    await introduce(host);
    const before = { processes: await processesOf(host), paths: await pathsOf(host) };
    await encodeHere(folder.path);
    await encodeThere(folder.path, host);
    await compare(folder.path);
    await showRemains(host, before);
    steps.begin("host");
  }
  steps.say("taken down");
}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(`Cannot show it: ${otherwise}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => steps.stop(new Error(`stopped by ${signal}`)));
}
try {
  await demonstrate();
} catch (error) {
  console.error(`scripts/demo: ${(error as Error).message}`);
  Deno.exit(1);
}
Deno.exit(0);
