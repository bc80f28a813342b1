import { ssh } from "./backend.ts";
import { conformance } from "./define.ts";

conformance("over ssh", ssh, {
  short: ["programs", "locks", "limits", "coherence", "the original's failures"],
});
