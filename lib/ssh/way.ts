import { log } from "../log/mod.ts";

/** What the shell over there says of the way that it takes, for people. */
const ways: Readonly<Record<string, string>> = {
  self: "as root: the login is root",
  sudo: "as root: sudo -n works",
  doas: "as root: doas -n works",
  plain: "as the login's user: no other rights are needed",
  many: "without root, with the user's ranges of ids: sudo -n and doas -n do not help",
  one:
    "without root, with one id: sudo -n and doas -n do not help, and there are no ranges of ids (/etc/subuid) to be had",
  fake: "without root, shown as root: sudo -n and doas -n do not help, and there is neither a new unshare nor perl",
};

/** Tells of the way (see ways_script.ts) that the agent on `target` is started. */
export function tellWay(target: string, [way, fence]: readonly string[]): void {
  const fenced = fence === "open" ? "; it is a container that permits no new /proc: no pid namespace" : "";
  log.debug(`the agent on ${target} is started ${ways[way] ?? way}${fenced}`);
  if (way !== "fake") return;
  log.warn(
    `${target} has neither a new unshare nor perl: the command sees itself as root there (util-linux 2.36 shows it right)`,
  );
}
