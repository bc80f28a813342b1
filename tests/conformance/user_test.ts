import { sshAsUser } from "./backend.ts";
import { conformance } from "./define.ts";

conformance("over ssh as an ordinary user", () => sshAsUser({ uid: 12345, gid: 12346, groups: [12346, 27] }), {
  short: ["opening", "permissions", "extended attributes", "the original's failures"],
  expected: {
    "limits: a disk that is read-only": "never: the kernel there looks at the mode first (EACCES, not EROFS)",
  },
});
