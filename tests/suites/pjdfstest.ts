import { here, type Machine } from "../e2e/support/mod.ts";
import { type Excluded, formatChecks, readExcluded } from "./support/excluded.ts";
import { type Arena, findFolder, type Suite } from "./support/suite.ts";
import { readTap, type TapFile } from "./support/tap.ts";

const TIMEOUT_MS = 30 * 60_000;
const list = new URL("excluded/pjdfstest.txt", import.meta.url);
/** Its own way of running them, prove(1), says of a failed check no more than how many there were. */
const script =
  'for file in $(cd "$0/tests" && find . -name "*.t" | sort); do echo "# file ${file#./}"; sh "$0/tests/$file"; done';

async function runOn(machine: Machine, { folder, name }: { folder: string; name: string }): Promise<TapFile[]> {
  const cwd = `${folder}/${name}`;
  await Deno.mkdir(cwd);
  const { text } = await machine.run(["sh", "-c", script, findFolder("pjdfstest", "PJDFSTEST")!], {
    cwd,
    timeoutMs: TIMEOUT_MS,
  });
  return readTap(text);
}

/** What failed there and not here, and is not excluded; and what is excluded and did not fail. */
function surprises(there: TapFile[], { here, excluded }: { here: TapFile[]; excluded: Excluded[] }): string[] {
  return there.flatMap(({ name, planned, failed }) => {
    const local = here.find((file) => file.name === name);
    const known = new Set(excluded.filter((entry) => entry.name === name).flatMap((entry) => [...entry.checks]));
    const own = failed.filter((check) => !local?.failed.includes(check));
    const unknown = own.filter((check) => !known.has(check));
    const stale = [...known].filter((check) => !own.includes(check));
    return [
      ...planned === local?.planned ? [] : [`${name}: ${planned} checks, and ${local?.planned} on this machine`],
      ...unknown.length > 0 ? [`${name} ${formatChecks(unknown)}: failed`] : [],
      ...stale.length > 0 ? [`${name} ${formatChecks(stale)}: excluded, but passed`] : [],
    ];
  });
}

function whole(files: TapFile[]): string {
  const failed = files.reduce((sum, file) => sum + file.failed.length, 0);
  const planned = files.reduce((sum, file) => sum + file.planned, 0);
  const good = files.filter((file) => file.failed.length === 0 && file.planned > 0).length;
  return `${good} of ${files.length} files and ${planned - failed} of ${planned} checks pass`;
}

/** The calls of POSIX one by one, with their errors: as root, on a file system that is compared with the local one. */
export const pjdfstest: Suite = {
  what: "every check passes that passes on the local disk",
  absent: () =>
    findFolder("pjdfstest", "PJDFSTEST") === undefined
      ? "not on this machine; build pjd/pjdfstest and set PJDFSTEST to its folder"
      : undefined,
  async run({ there, folder }: Arena) {
    const excluded = readExcluded(await Deno.readTextFile(list));
    const [local, remote] = [
      await runOn(here, { folder, name: "here" }),
      await runOn(there, { folder, name: "there" }),
    ];
    const found = surprises(remote, { here: local, excluded });
    const summary = `on the local disk ${whole(local)}; through outrun ${whole(remote)}`;
    const reasons = [...new Set(excluded.map(({ reason }) => reason))].map((reason) => `excluded: ${reason}`);
    if (found.length > 0 || !local.some(({ planned }) => planned > 0)) {
      throw new Error([summary, ...reasons, ...found].join("\n"));
    }
    return [summary, ...reasons].join("\n");
  },
};
