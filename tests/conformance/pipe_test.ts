import { pipe } from "./backend.ts";
import { conformance } from "./define.ts";

conformance("over a pipe", pipe);
