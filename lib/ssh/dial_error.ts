/** Exit status for what went wrong with ssh itself, as ssh gives it. */
export const SSH_FAILED = 255;
/** Exit status for what went wrong with outrun itself. */
export const OUTRUN_FAILED = 254;

/** Why there is no link: one line for the user, and the exit status that belongs to it. */
export class DialError extends Error {
  override name = "DialError";
  readonly exitStatus: number;

  constructor(message: string, options: ErrorOptions & { exitStatus?: number } = {}) {
    super(message, options);
    this.exitStatus = options.exitStatus ?? OUTRUN_FAILED;
  }
}
