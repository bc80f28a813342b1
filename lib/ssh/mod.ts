/**
 * The way to the other machine: from a destination to a byte stream with the agent at its end.
 *
 * Objective: one login, nothing installed beforehand, one clear line when it does not work.
 * Decision: one child process, the {@link Carrier} (`ssh -T destination sh`), deaf to the keyboard. The bootstrap script
 * goes out over its stdin; the agent, a copy of this executable named by its SHA-256, is started at once where it is
 * installed. Where it is not, the pieces that are missing are uploaded (packed, resumable, checked): the runtime, which
 * outlives updates; the program; and this machine's loader and C library where the other has no glibc that will do. From
 * the agent's first line on the same two pipes carry the link; what goes there may be sent one round trip before, as soon
 * as the shell has said that it is about to become the agent. In the order things happen: argv, transport, carrier_pipes,
 * readiness, dial, bootstrap_script, ways_script, remote_shell, probe, self, install_script, install, carried, pack, way,
 * repair.
 * Decision: where nothing else is configured, ssh is started as the master of a connection that others may use (a socket of
 * ours, share_connection.ts), which costs nothing before there is another one: so a further channel (channel.ts) needs no
 * login, can ask nothing, and brings what it is given to a fifo over there by sh and cat.
 * Decision: the carrier's pipes are ours, not the runtime's, whose streams cost twice the CPU time, and keep ssh waiting.
 * Rejected for machines without glibc: another PT_INTERP in the executable (its loader would have to be passed on as a
 * descriptor at every start, and its libraries by rpath or LD_LIBRARY_PATH, which helpers would inherit); a loader that
 * has the payload behind it needs nothing but arguments, and the executable stays as it is.
 * Rejected: further channels by connections of their own, which log in again (keys that want to be touched, servers that
 * count logins), or of a socket forwarded by ssh, which careful servers refuse.
 * Rejected: a forwarded port (refused by careful servers, a round trip per connection), scp or sftp (a second login, and
 * not every host has them), a script in ssh's arguments (login shells quote in different ways), an SSH library (the
 * user's own configuration, keys and agents are ssh's).
 *
 * Another carrier (`--rsh "docker exec -i"`, see rsh_carrier.ts) is nothing but another {@link Carrier}.
 *
 * @module
 */

export { type Carrier, sshCarrier, type SshOptions } from "./argv.ts";
export { carrierFor, NO_DESTINATION, type Way } from "./rsh_carrier.ts";
export type { Channel } from "./channel.ts";
export { dial, type DialOptions, type Link } from "./dial.ts";
export { DialError, OUTRUN_FAILED, SSH_FAILED } from "./dial_error.ts";
export { inPath } from "./in_path.ts";
export { shareConnection } from "./share_connection.ts";
export { describeProbe, type Obstacle, type Probe, probeChecks } from "./probe.ts";
export { type Executable, executableAt, thisExecutable } from "./self.ts";
export { cacheFolder } from "./cache_folder.ts";
