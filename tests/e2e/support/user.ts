import type { Host } from "../../hosts/mod.ts";
import { makeFolder } from "./folder.ts";

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** An ordinary user of this machine, for the time of a test. */
export interface User extends AsyncDisposable {
  /** A folder of theirs. */
  readonly home: string;
  /** Put before a command: it runs as the user. */
  readonly prefix: readonly string[];
  /** Put into on()'s options: the user's own ssh configuration and cache. */
  readonly sshConfig: string;
  readonly env: Record<string, string>;
}

/**
 * Invents a user, without an account: ssh wants a line in /etc/passwd, so the prefix lays another file over that one in a
 * mount namespace of its own, which ends with the command. Needs root.
 */
export async function inventUser(host: Host, { uid, gid, groups }: UserIds): Promise<User> {
  const folder = await makeFolder();
  const home = `${folder.path}/home`;
  const passwd = `${folder.path}/passwd`;
  await Deno.mkdir(`${home}/.ssh`, { recursive: true });
  await Deno.writeTextFile(
    passwd,
    `${await Deno.readTextFile("/etc/passwd")}tester:x:${uid}:${gid}::${home}:/bin/sh\n`,
  );
  const sshConfig = await copySshConfig(host, `${home}/.ssh`);
  const { success } = await new Deno.Command("chown", { args: ["-R", `${uid}:${gid}`, home] }).output();
  if (!success) throw new Error(`Cannot give "${home}" to ${uid}:${gid}`);
  const script = 'mount --bind "$1" /etc/passwd && shift && exec setpriv "$@"';
  const ids = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(",")}` : "--clear-groups",
  ];
  return {
    home,
    sshConfig,
    prefix: ["unshare", "--mount", "sh", "-c", script, "sh", passwd, ...ids, "--"],
    env: { HOME: home, XDG_CACHE_HOME: `${home}/.cache` },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The host's configuration and key belong to whoever started it. */
async function copySshConfig(host: Host, folder: string): Promise<string> {
  const original = host.sshConfig.slice(0, host.sshConfig.lastIndexOf("/"));
  for (const name of ["client_key", "known_hosts"]) await Deno.copyFile(`${original}/${name}`, `${folder}/${name}`);
  await Deno.chmod(`${folder}/client_key`, 0o600);
  const text = await Deno.readTextFile(host.sshConfig);
  await Deno.writeTextFile(`${folder}/config`, text.replaceAll(original, folder));
  return `${folder}/config`;
}
