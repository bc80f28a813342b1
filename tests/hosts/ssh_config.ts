/** The keys and the ssh client configuration of one host: all in its private folder, nothing from the user's own. */

/** Where an alias leads: the host itself, or the near end of a link to it. */
export interface SshTarget {
  readonly alias: string;
  readonly address: string;
  readonly port: number;
}

const decoder = new TextDecoder();

async function generateKey(path: string, comment: string): Promise<string> {
  const args = ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path];
  const { success, stderr } = await new Deno.Command("ssh-keygen", { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot generate key "${path}": ${decoder.decode(stderr).trim()}`);
  return await Deno.readTextFile(`${path}.pub`);
}

/** Fresh keys in `dir`: host_key and known_hosts (pinned under `name`), client_key and authorized_keys. */
export async function writeKeys(dir: string, name: string): Promise<void> {
  const [hostKey, clientKey] = await Promise.all([
    generateKey(`${dir}/host_key`, name),
    generateKey(`${dir}/client_key`, "outrun-test"),
  ]);
  await Deno.writeTextFile(`${dir}/known_hosts`, `${name} ${hostKey}`);
  await Deno.writeTextFile(`${dir}/authorized_keys`, clientKey);
}

/**
 * The server's configuration. sshd takes the first value it meets of a keyword, so `lines` override what follows.
 * OpenSSH's first choice of a key exchange, safe from quantum computers, takes a tenth of a second of two processors more,
 * and a run of all tests logs in more than a thousand times.
 */
export async function writeSshdConfig(dir: string, lines: readonly string[]): Promise<void> {
  const text = `${lines.join("\n")}
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
KexAlgorithms curve25519-sha256
UsePAM no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
`;
  await Deno.writeTextFile(`${dir}/sshd_config`, text);
}

/** `dir`/ssh_config for `ssh -F`: with that, ssh reads neither the user's nor the machine's configuration. */
export function writeSshConfig(dir: string, name: string, targets: readonly SshTarget[]): void {
  const hosts = targets.map((it) => `Host ${it.alias}\n  HostName ${it.address}\n  Port ${it.port}\n`);
  const text = `${hosts.join("")}Host *
  User root
  HostKeyAlias ${name}
  StrictHostKeyChecking yes
  UserKnownHostsFile "${dir}/known_hosts"
  GlobalKnownHostsFile none
  UpdateHostKeys no
  IdentityFile "${dir}/client_key"
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
  ControlMaster no
  ControlPath none
`;
  // Renamed into place: an ssh that starts meanwhile reads the old one or the new one.
  // In one go, because links are opened side by side and the last one must leave all of them.
  Deno.writeTextFileSync(`${dir}/ssh_config.new`, text);
  Deno.renameSync(`${dir}/ssh_config.new`, `${dir}/ssh_config`);
}
