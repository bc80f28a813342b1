import { ssh } from "./backend.ts";
import { conformance } from "./define.ts";

conformance("over ssh", ssh);
