import { createHash } from "node:crypto";
import { type Host, type HostOptions, startHost } from "../../hosts/mod.ts";
import { program } from "./machines.ts";

let hash: string | undefined;

/** Puts the agent where a session of `user` there would install it, without the upload. */
export async function installAgent(host: Host, user: string): Promise<void> {
  hash ??= createHash("sha256").update(await Deno.readFile(program)).digest("hex");
  const home = user === "root" ? "/root" : `/home/${user}`;
  const folder = `${home}/.cache/outrun`;
  await host.exec(`mkdir -p -m 700 ${home}/.cache ${folder}`);
  const path = `${folder}/agent-${hash}`;
  await Deno.copyFile(program, `/proc/${host.facts.initPid}/root${path}`);
  await host.exec(`chmod 755 ${path}; chown -R ${user}: ${home}/.cache`);
}

/**
 * A host that root and its users have used before, as far as the upload goes: that takes seconds of two processors, and is
 * only the business of those tests that are about a first use.
 */
export async function startUsedHost(options: HostOptions = {}): Promise<Host> {
  const host = await startHost(options);
  try {
    for (const name of ["root", ...(options.users ?? []).map((user) => user.name)]) await installAgent(host, name);
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}
