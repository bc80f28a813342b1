import { fromText, toBytes } from "../../bytes/mod.ts";
import {
  adoptOrphans,
  AT_FDCWD,
  close,
  makePipe,
  O_RDWR,
  openAt,
  ownPid,
  spawn,
  unwrap,
  write,
} from "../../linux/mod.ts";
import { helperEnvironment, type Holder, unwrapPipe } from "./holder.ts";

/**
 * Waits for a line, or for the end of its input: then this process ($1) is dead, and is not spared. A process of another
 * user namespace than ours (or one below) does not let us see its namespaces, and a dead one has none. Builtins only: it
 * would find a child of its own.
 */
const script = `read -r word && spared=$1
while :; do
  found=
  for dir in /proc/[0-9]*; do
    pid=\${dir#/proc/}
    case $pid in $$ | "$spared") continue ;; esac
    [ -e "$dir/ns/mnt" ] && kill -9 "$pid" && found=1
  done
  [ -n "$found" ] || exit 0
done 2>/dev/null`;

/**
 * Ends all processes of this user namespace when told to, or when this process is dead: in the place of a pid namespace.
 * The orphans among them become this process's children, for which see collectOrphans().
 */
export function startSweeper(): Holder {
  unwrap(adoptOrphans(), "adopt orphans");
  const input = unwrapPipe(makePipe());
  const nowhere = openAt(AT_FDCWD, fromText("/dev/null"), O_RDWR);
  const pid = spawn(fromText("sh"), {
    argv: ["sh", "-c", script, "sh", String(ownPid())].map(fromText),
    env: helperEnvironment(),
    fds: [[input.readEnd, 0], [nowhere, 1], [nowhere, 2]],
    leads: "session",
  });
  close(nowhere);
  close(input.readEnd);
  return {
    pid: unwrap(pid, "start the sweeper"),
    enter: [],
    end() {
      write(input.writeEnd, toBytes(fromText("end\n")));
      close(input.writeEnd);
    },
  };
}
