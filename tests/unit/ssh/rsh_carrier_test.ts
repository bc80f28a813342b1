import assert from "node:assert/strict";
import { carrierFor, DialError } from "../../../lib/ssh/mod.ts";

function words(rsh: string, destination: string): readonly string[] {
  return carrierFor({ rsh, destination }).argv;
}

Deno.test("carrierFor() puts the destination behind the words of --rsh, unless it is -", () => {
  assert.deepEqual(words("docker exec -i", "name"), ["docker", "exec", "-i", "name", "sh"]);
  assert.deepEqual(words(" kubectl  exec -i 'a pod' -- ", "-"), ["kubectl", "exec", "-i", "a pod", "--", "sh"]);
  assert.equal(carrierFor({ rsh: "docker exec -i", destination: "name" }).target, "name");
  assert.equal(carrierFor({ rsh: " srun -n1 ", destination: "-" }).target, "srun -n1");
});

Deno.test("carrierFor() gives no limit to what may wait for its turn, and takes the terminal from it", () => {
  const { asksUser, isDetached } = carrierFor({ rsh: "srun", destination: "-", timeoutMs: 1 });
  assert.deepEqual([asksUser, isDetached], [true, true]);
});

Deno.test("carrierFor() takes ssh without --rsh, with its limits", () => {
  const { argv, isDetached } = carrierFor({ destination: "h", ssh: "-4", timeoutMs: 3000 });
  assert.deepEqual([argv.slice(0, 3), argv.includes("ConnectTimeout=3"), isDetached], [
    ["ssh", "-T", "-4"],
    true,
    undefined,
  ]);
});

Deno.test("carrierFor() refuses what cannot be meant", () => {
  const cases: [string, string, RegExp][] = [
    ["", "h", /--rsh "": name a program/],
    ["''", "h", /name a program/],
    ["docker 'exec", "h", /--rsh "docker 'exec": the ' is never closed/],
    ["docker exec", "-u0", /Cannot use "-u0" as the destination: give docker a name, or - where/],
    ["docker exec", "", /as the destination/],
  ];
  for (const [rsh, destination, message] of cases) {
    assert.throws(() => words(rsh, destination), (error) => error instanceof DialError && message.test(error.message));
  }
  assert.throws(() => carrierFor({ rsh: "x", ssh: "-4", destination: "h" }), /Cannot use both --ssh and --rsh/);
});
