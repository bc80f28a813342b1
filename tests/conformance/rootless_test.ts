import { sshAsUser } from "./backend.ts";
import { conformance } from "./define.ts";

const ids = { uid: 12345, gid: 12346, groups: [12346, 27] };

const noChown = "never: there is no other id to give a file to (EINVAL, not EPERM)";

conformance("over ssh without root", () => sshAsUser(ids, { name: "alice", uid: 1001 }), {
  short: ["permissions", "extended attributes"],
  expected: {
    "attributes: chown() to anybody": noChown,
    "attributes: lchown() of a link, fchown() of what is open": noChown,
    "attributes: chown() takes setuid and setgid off": noChown,
    "permissions: a stranger's file": noChown,
    "permissions: an own file": noChown,
    "permissions: a file of the own group": noChown,
    "permissions: a setgid folder gives its group": noChown,
    "permissions: chmod() with a group that is not one's own takes setgid off": noChown,
    "extended attributes: access control lists": "never: the kernel checks by them or knows of none",
    "the original's failures: the command runs as the user": "never: there are no further groups",
  },
});
