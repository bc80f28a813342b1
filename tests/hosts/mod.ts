/**
 * A second host for tests: a real sshd in its own network, mount, pid, uts and ipc namespaces, on its own Debian root
 * file system, without ffmpeg, git, gcc or python, joined to this machine by a veth pair.
 *
 *     await using host = await startHost({ users: [{ name: "alice", uid: 1001 }] });
 *     // ssh -F host.sshConfig host.alias          as root
 *     // ssh -F host.sshConfig alice@farhost       as alice
 *     // outrun --ssh "-F ${host.sshConfig}" farhost …
 *     await host.exec("command -v ffmpeg");        // { code: 127, stdout, stderr }: inspection without ssh
 *     await host.exec("echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice");
 *     await host.pids();                           // Map(1 → "sh -c …", 2 → "/usr/sbin/sshd …", …)
 *     await host.mounts();                         // FUSE mounts in all of its mount namespaces
 *
 *     const far = await host.link({ rttMs: 20 });  // a delay relay in between:
 *     // ssh -F host.sshConfig far.alias
 *     await far.stall();                           // also resume() and cut()
 *
 * Every host starts fresh (an overlay: the shared root below, a tmpfs above), several may run at once, and all of one
 * goes with the process that started it, even on kill -9 (host.sh says how). Nothing of it touches ~/.ssh or /etc.
 * Needs root on Debian; the first use installs what is missing and builds the root file system into .cache/.
 *
 * Other programs than ssh lead to a container of podman's (startContainer()) and to a node of a real Slurm (startSlurm()).
 *
 * Rejected for the rest: a container engine (not there on a fresh machine, and its default containers have no /dev/fuse), a virtual
 * machine (no kvm on build machines: a hundred times slower), ssh to localhost (cannot tell where a command ran).
 */
export { type Container, startContainer } from "./container.ts";
export { type ExecResult, Host, type HostFacts } from "./host.ts";
export type { Link, LinkOptions } from "./link.ts";
export type { FuseMount } from "./inspect.ts";
export { type Slurm, startSlurm } from "./slurm.ts";
export { ensureRootfs, type HostOptions, type HostUser, startHost } from "./start_host.ts";
