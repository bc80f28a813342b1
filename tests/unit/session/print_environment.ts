/**
 * Run by environment_test.ts: prints what this process has inherited, as JSON. With the argument "removed" the directory
 * it is in is removed first: the runtime itself does not start in one that is not there.
 *
 * @module
 */
import { setUmask } from "../../../lib/linux/mod.ts";
import { readArguments, readEnvironment } from "../../../lib/session/environment.ts";

if (Deno.args[0] === "removed") Deno.removeSync(Deno.cwd());
try {
  const environment = readEnvironment();
  console.log(JSON.stringify({ args: readArguments(), umaskAfter: setUmask(0), ...environment }));
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }));
}
