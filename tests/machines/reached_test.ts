/** The list, on machines that are there: $OUTRUN_TEST_MACHINES names them for `ssh -F $OUTRUN_TEST_SSH_CONFIG`. */
import { playList } from "./list.ts";

const sshConfig = Deno.env.get("OUTRUN_TEST_SSH_CONFIG");
const names = (Deno.env.get("OUTRUN_TEST_MACHINES") ?? "").split(" ").filter((name) => name !== "");
if (sshConfig === undefined || names.length === 0) {
  throw new Error("Cannot test on machines: name them in OUTRUN_TEST_MACHINES, for ssh -F $OUTRUN_TEST_SSH_CONFIG");
}
for (const name of names) {
  playList({ name, start: () => Promise.resolve({ alias: name, sshConfig }) });
}
