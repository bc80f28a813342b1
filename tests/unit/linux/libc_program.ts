/** Calls C functions in a process in which none was bound before. */
import { bindNow, close, libc } from "../../../lib/linux/mod.ts";

const first = close(-1);
bindNow(["getpid"]);
const bound = libc().getpid() === Deno.pid;
console.log(JSON.stringify({ first, bound, again: close(-1) }));
