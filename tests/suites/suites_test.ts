/** Every suite on a tree of this machine through a session of outrun on a second host. mod.ts says more. */
import type { Host } from "../hosts/mod.ts";
import { type Machine, on, startUsedHost } from "../e2e/support/mod.ts";
import { suites } from "./mod.ts";
import { readBudget } from "./support/budget.ts";

const budget = readBudget((name) => Deno.env.get(name));
let host: Host;
let there: Machine;
Deno.test.beforeAll(async () => {
  host = await startUsedHost();
  const link = budget.rttMs > 0 ? await host.link({ rttMs: budget.rttMs }) : undefined;
  there = on(host, { destination: link?.alias });
});
Deno.test.afterAll(() => host.stop());

for (const [name, suite] of Object.entries(suites)) {
  const absent = suite.absent?.();
  Deno.test({
    name: `${name}: ${absent ?? suite.what}`,
    ignore: absent !== undefined,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: `outrun-suite-`, dir: "/var/tmp" });
      try {
        await Deno.chmod(folder, 0o755);
        console.log(`${name}: ${await suite.run({ there, folder, budget })}`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
