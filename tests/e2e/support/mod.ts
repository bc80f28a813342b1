/**
 * What the end-to-end tests have in common: running the built executable, and comparing.
 *
 *     const there = on(host);                           // or on(host, { destination: link.alias, options: ["--debug"] })
 *     await there.run(["ffmpeg", …], { cwd, stdin });   // { status, stdout, stderr }
 *     await here.run(["ffmpeg", …], { cwd, stdin });    // the same program, locally
 *     await same(there, "mkdir a; mv a b");             // both, in a fresh folder each; asserts that nothing differs
 *
 * The touchstone is always the same program run on this machine, byte by byte. Everything is bounded in time, and
 * nothing belongs to the machine's user: not the home folder, not the cache, not the ssh configuration.
 *
 * @module
 */

export * from "./folder.ts";
export * from "./install_agent.ts";
export * from "./leftovers.ts";
export * from "./locker.ts";
export * from "./machines.ts";
export * from "./perl.ts";
export { Process, type ProcessOptions, type Result } from "./process.ts";
export * from "./same.ts";
export { Terminal, type TerminalOptions } from "./terminal.ts";
export * from "./update.ts";
export * from "./user.ts";
export * from "./uses.ts";
