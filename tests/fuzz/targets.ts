import { answers } from "./answers.ts";
import { decoders } from "./decoders.ts";
import { fileServer } from "./file_server.ts";
import { frames } from "./frames.ts";
import { mirror } from "./mirror.ts";
import type { Target } from "./target.ts";

/** All of them, and in which process they run: those of a user change the ids of theirs. */
export const targets: readonly Target[] = [
  decoders,
  frames,
  answers,
  mirror,
  fileServer({ asUser: false }),
  fileServer({ asUser: true }),
];
