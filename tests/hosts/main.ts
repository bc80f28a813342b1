/**
 * Brings up a second host for a command, or for a shell when none is given, and takes it down again.
 *
 *     scripts/deno run -A tests/hosts/main.ts --rtt 20 -- sh -c 'ssh -F "$OUTRUN_TEST_SSH_CONFIG" "$OUTRUN_TEST_HOST" id'
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { type Host, startHost } from "./mod.ts";

interface Options {
  rtt?: number;
  mbit?: number;
  user?: { name: string; uid: number }[];
  kind?: "debian" | "musl";
}

function positive(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError("give a number");
  return Number(text);
}

function addUser(text: string, users: Options["user"] = []): Options["user"] {
  const [, name, uid] = text.match(/^([a-z][a-z0-9_-]*):(\d+)$/) ?? [];
  if (!name) throw new InvalidArgumentError("give NAME:UID");
  return [...users, { name, uid: Number(uid) }];
}

async function runOn(host: Host, command: string[], { rtt, mbit }: Options): Promise<number> {
  const { alias } = rtt || mbit ? await host.link({ rttMs: rtt, mbit }) : host;
  console.error(`hosts: ${host.alias} is up: ssh -F ${host.sshConfig} ${alias}`);
  const [program, ...args] = command.length > 0 ? command : [Deno.env.get("SHELL") ?? "sh"];
  const env = { OUTRUN_TEST_SSH_CONFIG: host.sshConfig, OUTRUN_TEST_HOST: alias };
  const status = await new Deno.Command(program, { args, env }).spawn().status;
  return status.code;
}

async function main(command: string[], options: Options): Promise<void> {
  // Ctrl-C is for the command; the host goes when the command has ended.
  Deno.addSignalListener("SIGINT", () => {});
  let code: number;
  try {
    await using host = await startHost({ users: options.user, kind: options.kind });
    code = await runOn(host, command, options);
  } catch (error) {
    console.error(`hosts: ${(error as Error).message}`);
    code = 1;
  }
  Deno.exit(code);
}

await new Command("hosts")
  .description("Run a command beside a throwaway second host: $OUTRUN_TEST_HOST in $OUTRUN_TEST_SSH_CONFIG.")
  .option("--rtt <ms>", "round-trip time to add", positive)
  .option("--mbit <rate>", "limit of the rate each way, in Mbit/s", positive)
  .option("--user <name:uid>", "add a user there (may be repeated)", addUser)
  .addOption(new Option("--kind <kind>", "what it runs on").choices(["debian", "musl"]))
  .argument("[command...]", "default: your shell")
  .passThroughOptions()
  .action(main)
  .parseAsync(Deno.args, { from: "user" });
