/**
 * The kernel's FUSE protocol, spoken directly on /dev/fuse.
 *
 * Objective: serve a {@link FileSystem} on a mounted device from a poll loop, with tens of microseconds of CPU a request
 * and without a thread that could hang. The owner mounts (see {@link mountOptions}), makes a {@link Server} on the
 * nonblocking descriptor, calls `server.device.readable()` whenever poll(2) says so and `server.tick()` about once a
 * second, and lets microtasks run in between: handlers may return promises.
 *
 * Decision: no libfuse. The protocol is a few dozen fixed layouts (abi.ts); each has one decoder or encoder. One thread
 * reads, and answers are written from one buffer, as writing to the device never waits. What the kernel does not learn
 * of is taken back, so that lookup counts and handles are exact.
 *
 * Rejected: npm:fuse-native (does not load in Deno, serial per directory, 4 KiB writes); several reader threads (each
 * hand-over between threads costs more than serving the request); answering every FUSE_INTERRUPT with EINTR, or none
 * (the former breaks programs that use timers, the latter makes a stalled one unkillable).
 *
 * @module
 */

export * from "./abi.ts";
export type { InitIn } from "./decode.ts";
export type { Device } from "./device.ts";
export * from "./file_system.ts";
export * from "./init.ts";
export * from "./mount_options.ts";
export * from "./notify.ts";
export * from "./server.ts";
