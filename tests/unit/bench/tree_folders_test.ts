import assert from "node:assert/strict";
import type { Rig } from "../../bench/rig.ts";
import { TreeFolders } from "../../bench/tree_folders.ts";

Deno.test("TreeFolders finds every difference between what is left there and here", async () => {
  const cwd = Deno.makeTempDirSync({ prefix: "outrun_trees_" });
  try {
    const rig = { context: { cwd, env: {} }, kept: cwd } as unknown as Rig;
    const make = async (path: string) => {
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/file`, "content");
      await Deno.writeTextFile(`${path}/log`, "now");
      await Deno.symlink("file", `${path}/link`);
    };
    const folders = new TreeFolders(rig, { original: { name: "o", make }, changes: true, check: "rm log" });
    await folders.fresh();
    await folders.keep("said\n");
    const worked = `${cwd}/worked`;
    await make(worked);
    assert.equal(await folders.compare("said\n"), undefined);
    await Deno.writeTextFile(`${worked}/log`, "later");
    assert.equal(await folders.compare("other\n"), "says something else");
    const changes: [() => Promise<void>, string][] = [
      [() => Deno.writeTextFile(`${worked}/file`, "CONTENT"), "other contents"],
      [() => Deno.chmod(`${worked}/file`, 0o600), "other names"],
      [() => Deno.remove(`${worked}/link`).then(() => Deno.symlink("log", `${worked}/link`)), "other names"],
      [() => Deno.mkdir(`${worked}/more`), "other names"],
    ];
    for (const [change, found] of changes) {
      await Deno.remove(worked, { recursive: true });
      await make(worked);
      await change();
      assert.equal(await folders.compare("said\n"), found);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
