import assert from "node:assert/strict";
import { environment, type Machine } from "../../e2e/support/mod.ts";
import { compileHands, Hub } from "../../conformance/hub.ts";
import type { Calls } from "../../conformance/os.ts";
import { waitUntil } from "../../hosts/wait.ts";

/** Processes on both machines that make system calls when they are told to. */
export interface Hands extends AsyncDisposable {
  readonly here: readonly Calls[];
  readonly there: readonly Calls[];
  /** Changes to a folder that may just have been made on this machine. */
  enter(actor: Calls, folder: string): Promise<void>;
}

/** Starts `count` of them on each machine, in `folder`; the program is put there too. */
export async function startHands(
  { there, folder, count }: { there: Machine; folder: string; count: number },
): Promise<Hands> {
  const hands = await compileHands(folder);
  const how = { hands, env: environment, cwd: folder, count };
  const here = await Hub.start({ ...how, prefix: [] });
  const remote = await Hub.start({ ...how, prefix: there.words([]) }).catch(async (error) => {
    await here[Symbol.asyncDispose]();
    throw error;
  });
  return {
    here: here.hands,
    there: remote.hands,
    async enter(actor, path) {
      const failure = `somebody cannot enter ${path}`;
      await waitUntil(async () => await actor.chdir(path) === 0, { failure });
      assert.equal(await actor.umask(0), 0);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([here, remote].map((hub) => hub[Symbol.asyncDispose]()));
    },
  };
}
