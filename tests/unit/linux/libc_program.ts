/** Calls C functions in a process in which none was bound before. */
import { bindLast, close, libc } from "../../../lib/linux/mod.ts";

const first = close(-1);
bindLast(["getpid"]);
const bound = libc().getpid() === Deno.pid;
let late = "";
try {
  libc().getppid();
} catch (error) {
  late = (error as Error).message;
}
console.log(JSON.stringify({ first, bound, late, again: close(-1) }));
