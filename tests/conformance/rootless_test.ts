import { sshAsUser } from "./backend.ts";
import { conformance } from "./define.ts";

const ids = { uid: 12345, gid: 12346, groups: [12346, 27] };

conformance("over ssh without root", () => sshAsUser(ids, { name: "alice", uid: 1001 }), {
  short: ["opening", "permissions", "extended attributes", "the original's failures"],
});
