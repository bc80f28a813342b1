import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { RunIn, RunOut, WindowSize } from "../../../lib/protocol/mod.ts";

/** What is to run: a RunIn that JSON can carry, without the root, which the fixture knows. */
export type Spec = Omit<RunIn, "root" | "directories" | "terminal"> & {
  readonly terminal?: { readonly window: WindowSize; readonly termios: readonly number[] };
};

/** What a test tells the fixture. Strings are byte strings: JSON keeps them. */
export type Order =
  | { order: "go"; spec: Spec }
  | { order: "input"; data: ByteString }
  | { order: "close" }
  | { order: "signal"; signal: number; group: boolean }
  | { order: "resize"; window: WindowSize }
  | { order: "end" };

/** What the fixture tells. `at` is added: ms since its start. */
export type Report =
  | { event: "launch" | "launched" | "go" | "mounted" | "executed" | "continued" | "unmounted" }
  | { event: "refused"; message: string }
  | { event: "stopped"; signal: number }
  | { event: "output"; stream: string; data: string }
  | { event: "closed"; stream: string }
  | { event: "ended"; result: RunOut };
