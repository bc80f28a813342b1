import { type Carrier, sshCarrier } from "./argv.ts";
import { DialError } from "./dial_error.ts";
import { splitWords } from "./words.ts";

/** In place of a destination: what --rsh says leads there as it stands. */
export const NO_DESTINATION = "-";

/** How the user wants the other machine to be reached. */
export interface Way {
  readonly destination: string;
  /** What `--ssh` holds. */
  readonly ssh?: string;
  /** What `--rsh` holds. */
  readonly rsh?: string;
  /** See SshOptions. */
  readonly timeoutMs?: number;
}

/** ssh, or what `--rsh` names. Throws a DialError for the user. */
export function carrierFor({ destination, ssh, rsh, timeoutMs }: Way): Carrier {
  if (rsh === undefined) return sshCarrier(destination, { args: ssh, timeoutMs });
  if (ssh === undefined) return rshCarrier(rsh, destination);
  throw new DialError("Cannot use both --ssh and --rsh: --ssh is for ssh alone; put all words into --rsh");
}

/**
 * Any program that joins stdin and stdout to a command's elsewhere, as rsync's -e takes it: its words (no shell expands
 * them), the destination unless that is `-`, and the word `sh`. So `docker exec -i` reaches the container `name`, and
 * so do `docker exec -i name` and `-`; what wants words behind the name, as `kubectl exec -i pod --`, takes the latter.
 */
export function rshCarrier(rsh: string, destination: string): Carrier {
  const words = splitWords(rsh, "--rsh");
  if (words.length === 0 || words[0] === "") {
    throw new DialError(`Cannot use --rsh ${JSON.stringify(rsh)}: name a program, such as --rsh "docker exec -i"`);
  }
  if (destination === NO_DESTINATION) return carrier([...words, "sh"], rsh.trim());
  if (destination === "" || destination.startsWith("-")) {
    throw new DialError(
      `Cannot use "${destination}" as the destination: give ${words[0]} a name, or - where --rsh has it already`,
    );
  }
  return carrier([...words, destination, "sh"], destination);
}

/** A batch system lets wait for hours: there is no limit until the other side has said something. */
function carrier(argv: readonly string[], target: string): Carrier {
  return { argv, target, asksUser: true, isDetached: true };
}
