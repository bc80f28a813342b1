import { inProcess } from "./backend.ts";
import { conformance } from "./define.ts";

conformance("in process", inProcess, { alone: true });
