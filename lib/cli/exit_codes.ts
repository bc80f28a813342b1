/** Outrun itself failed: bad usage, no agent, a lost file. The command's own statuses, 0 to 255, pass unchanged. */
export const OWN_FAILURE = 254;
/** ssh failed before the command ran, as ssh itself says it. */
export const SSH_FAILURE = 255;
/** The command is there but cannot be executed, as a shell says it. */
export const CANNOT_EXECUTE = 126;
/** There is no such command, as a shell says it. */
export const NOT_FOUND = 127;

/** The status of a command that a signal ended, as a shell says it. */
export function signalStatus(signal: number): number {
  return 128 + signal;
}
