import { answers } from "./answers.ts";
import { decoders } from "./decoders.ts";
import { fileServer } from "./file_server.ts";
import { frames } from "./frames.ts";
import { fuseRequests } from "./fuse_requests.ts";
import { mirror } from "./mirror.ts";
import type { Target } from "./target.ts";

/** All of them. Each has a process of its own: what an ordinary user's finds, say, is not root's to see any more. */
export const targets: readonly Target[] = [
  decoders,
  frames,
  answers,
  fuseRequests,
  mirror,
  fileServer({ asUser: false }),
  fileServer({ asUser: true }),
];
