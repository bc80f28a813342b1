/**
 * The command's process: namespaces of its own, its mount, its terminal, its end.
 *
 * Objective: the command runs as the local user, sees the local files and the remote's devices, and nothing of it is left
 * when it has ended or when the agent has died in whatever way.
 *
 * 1. The agent's thread leaves the mount namespace that others see and makes a *stage* there (stage.ts): the runner, a
 *    FUSE device node, mount points, at names that need no permission to reach.
 * 2. A *holder* (holder.ts), a shell that waits on a pipe, is process 1 of new user, mount and pid namespaces. Whenever
 *    the pipe's other end closes, by intent or because the agent was killed, it ends, and the kernel ends everything else
 *    in the namespace.
 * 3. The *runner*, a program of a few bytes that makes the system calls it is told (runner_program.ts, runner.ts), starts
 *    inside them as the agent's own child, mounts FUSE, hands the device to the agent over a socket, and waits. What to run
 *    may still be on its way meanwhile.
 * 4. Told what to run, it makes the mount its root, becomes the user, and executes the command in its own place. So the
 *    command is the agent's child: its status is exact, and a stop of it is seen (child.ts).
 *
 * The user namespace maps the local ids to ids that nobody has on the remote (id_map.ts): without it, whoever has the same
 * uid there could read the local files through /proc/PID/root, or attach a debugger.
 *
 * Without root there (rootless.ts) the command's user namespace is the agent's own; the rest is the same, but that there may
 * be no pid namespace: then a sweeper (sweeper.ts) does its part.
 *
 * Rejected: chroot instead of pivot_root (a command could not make a user namespace of its own); an identity map (others
 * with the uid could still send signals); a runner that forks (a runtime with threads cannot); a runner that is this
 * executable again (its boot takes a processor 100 ms, in each session); one that is a fork of the agent (V8 keeps its
 * memory out of children by MADV_DONTFORK; let in, half of what that boot takes is lost in copying pages, and a child forked
 * from a loaded agent waited for ever on a futex); nsenter with a pid namespace (it forks, and the status and the process
 * group are those of a go-between).
 *
 * @module
 */

export { Command, type CommandEvents } from "./command.ts";
export type { CommandIds, UserIds } from "./ids.ts";
export { launch, type Launched, type LaunchOptions } from "./launch.ts";
export type { Fence } from "./rootless.ts";
export type { CommandStdio, StreamKind } from "./stdio.ts";
