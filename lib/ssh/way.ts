import { log, printable } from "../log/mod.ts";
import { DialError } from "./dial_error.ts";
import type { RemoteShell } from "./remote_shell.ts";

/** What the shell over there says of the way that it takes, for people. */
const ways: Readonly<Record<string, string>> = {
  self: "as root: the login is root",
  sudo: "as root: sudo -n works",
  doas: "as root: doas -n works",
  asked: "as root: by sudo, with a password",
  plain: "as the login's user: no other rights are needed",
  many: "without root, with the user's ranges of ids: sudo -n and doas -n do not help",
  one:
    "without root, with one id: sudo -n and doas -n do not help, and there are no ranges of ids (/etc/subuid) to be had",
  fake: "without root, shown as root: sudo -n and doas -n do not help, and there is neither a new unshare nor perl",
};

export interface BecomeOptions {
  readonly askPassword?: (target: string, signal?: AbortSignal) => Promise<string>;
  readonly signal?: AbortSignal;
}

/**
 * Until the shell has become the agent, or what makes it root: `answer` is what it said last, `exec` or that sudo wants a
 * password.
 */
export async function becomeRoot(shell: RemoteShell, answer: string[], options: BecomeOptions): Promise<void> {
  if (answer[0] === "exec") return tellWay(shell.target, answer.slice(1));
  if (options.askPassword === undefined) throw new DialError(`Cannot use "${shell.target}": it asks for a password`);
  const password = await options.askPassword(shell.target, options.signal);
  await shell.send(`${password}\n`);
  const [word, ...said] = await shell.answer(["exec", "refused"], { slow: true });
  if (word === "refused") {
    throw new DialError(`Cannot become root on "${shell.target}": sudo says "${printable(said.join(" "))}"; try again`);
  }
  // sudo, which the shell has become, reads this line and leaves the rest to the agent.
  await shell.send(`${password}\n`);
  tellWay(shell.target, said);
}

/** Tells of the way (see ways_script.ts) that the agent on `target` is started. */
function tellWay(target: string, [way, fence]: readonly string[]): void {
  const fenced = fence === "open" ? "; it is a container that permits no new /proc: no pid namespace" : "";
  log.debug(`the agent on ${target} is started ${ways[way] ?? way}${fenced}`);
  if (way !== "fake") return;
  log.warn(
    `${target} has neither a new unshare nor perl: the command sees itself as root there (util-linux 2.36 shows it right)`,
  );
}
