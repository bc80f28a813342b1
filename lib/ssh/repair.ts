import { log } from "../log/mod.ts";
import type { Carrier } from "./argv.ts";
import { bootstrapText } from "./bootstrap_script.ts";
import { installText } from "./install_script.ts";
import { RemoteShell } from "./remote_shell.ts";
import { startTransport } from "./transport.ts";

/** Of nobody's agent. */
const NO_HASH = "0".repeat(64);

/**
 * Has the agent `sha256` compared with its hash, as it has not come up, and removed where it is damaged: sizes are all
 * that a start looks at. By a login of its own. Returns whether it was removed; never rejects.
 */
export async function removeDamaged(
  sha256: string,
  { carrier, timeoutMs }: { carrier: Carrier; timeoutMs: number },
): Promise<boolean> {
  log.debug("is the agent's file damaged?");
  const transport = startTransport(carrier);
  try {
    const nonce = crypto.randomUUID().replaceAll("-", "");
    const shell = new RemoteShell(transport, { carrier, nonce, timeoutMs });
    await shell.send(bootstrapText([nonce, NO_HASH, "0", "0", Deno.build.arch, "agent"]));
    await shell.answer(["probe"]);
    await shell.send(installText(["agent"]));
    await shell.answer(["ready"]);
    await shell.send(`check ${sha256}\n`);
    const [, result] = await shell.answer(["checked"], { slow: true });
    return result === "removed";
  } catch (error) {
    log.debug(`cannot tell: ${(error as Error).message}`);
    return false;
  } finally {
    transport.kill();
    await transport.status;
  }
}
