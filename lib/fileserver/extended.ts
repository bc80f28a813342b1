/** Extended attributes, ACLs among them: the local kernel decides what each name means and who may touch it. */
import { fromText, toBytes } from "../bytes/mod.ts";
import { changeModePath, getXattr, listXattr, removeXattr, setXattr, statFd } from "../linux/mod.ts";
import { decodeRef, decodeSetXattr, decodeXattrRef } from "../protocol/mod.ts";
import { answerStat } from "./attributes.ts";
import type { Buffer } from "./buffer_pool.ts";
import type { Answer, Context } from "./context.ts";
import { describeFd } from "./describe.ts";
import { withFile } from "./references.ts";

const ACCESS_ACL = fromText("system.posix_acl_access");
const S_ISGID = 0o2000;

export function getExtended(context: Context, body: Uint8Array): Answer {
  const { ref, name } = decodeXattrRef(body);
  return withFile(context, ref, ({ fd }) => getXattr(fd, name));
}

export function setExtended(context: Context, body: Uint8Array): Answer {
  const { ref, name, value, flags, killSetgid } = decodeSetXattr(body);
  return withFile(context, ref, ({ fd }) => {
    const failed = setXattr(fd, name, { value: value as Buffer, flags });
    if (failed < 0) return failed;
    // The local kernel has seen to it already, unless this process may do more than whoever asked.
    if (killSetgid && name === ACCESS_ACL) clearSetgid(fd);
    return answerStat(describeFd(fd));
  });
}

export function listExtended(context: Context, body: Uint8Array): Answer {
  return withFile(context, decodeRef(body), ({ fd }) => {
    const names = listXattr(fd);
    return typeof names === "number" ? names : toBytes(names);
  });
}

export function removeExtended(context: Context, body: Uint8Array): Answer {
  const { ref, name } = decodeXattrRef(body);
  return withFile(context, ref, ({ fd }) => {
    const failed = removeXattr(fd, name);
    return failed < 0 ? failed : answerStat(describeFd(fd));
  });
}

/** Of the mode as the ACL has made it. */
function clearSetgid(fd: number): void {
  const stat = statFd(fd);
  if (typeof stat !== "number" && (stat.mode & S_ISGID) !== 0) changeModePath(fd, stat.mode & 0o7777 & ~S_ISGID);
}
