import assert from "node:assert/strict";
import { makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned } from "./planned.ts";

const shim = `#!/usr/bin/env bash
set -e
program="\${0##*/}"
export PYENV_ROOT="/home/u/.pyenv"
exec "/home/u/.pyenv/libexec/pyenv" exec "$program" "$@"
`;
const root = "/home/u/.pyenv";
const env = [`PATH=${root}/shims:/usr/bin`, "HOME=/home/u"];

/** A pyenv as it is installed: two versions, its own scripts, and a system python. */
function pyenv(): MemoryDisk {
  const disk = new MemoryDisk();
  for (const program of ["env", "bash", "python3"]) disk.executable(`/usr/bin/${program}`, makeElf());
  for (const version of ["3.9.1", "3.11.2", "3.11.10"]) {
    disk.executable(`${root}/versions/${version}/bin/python3`, makeElf());
  }
  disk.executable(`${root}/shims/python3`, shim).executable(`${root}/libexec/pyenv`, "#!/usr/bin/env bash\n");
  disk.executable(`${root}/libexec/pyenv-exec`, '#!/usr/bin/env bash\nversion="$(pyenv-version-name)"\n');
  return disk.executable(`${root}/libexec/pyenv-version-name`, "#!/usr/bin/env bash\n").directory("/project/deep");
}

/** The program that is executed in the end. */
function executed(disk: MemoryDisk, options: { env?: string[]; cwd?: string } = {}): string | undefined {
  const wants = planned(disk, [`${root}/shims/python3`, "-c", "1"], { env, cwd: "/project/deep", ...options });
  return wants.filter((want) => /^content .*\/bin\/python3$/.test(want)).at(-1)?.slice("content ".length);
}

Deno.test("shim: the manager's scripts, then the program of the version that the user's file names", () => {
  const disk = pyenv().file(`${root}/version`, "3.9.1\n");
  const wants = planned(disk, [`${root}/shims/python3`], { env, cwd: "/project/deep" });
  assertInOrder(wants, [
    `content ${root}/shims/python3`,
    `content ${root}/libexec/pyenv`,
    `listing ${root}/libexec`,
    `content ${root}/libexec/pyenv-exec`,
    `content ${root}/libexec/pyenv-version-name`,
    "name /project/deep/.python-version",
    "name /project/.python-version",
    "name /.python-version",
    `content ${root}/version`,
    `content ${root}/versions/3.9.1/bin/python3`,
  ]);
});

Deno.test("shim: the nearest file above, and before it the environment, choose the version", () => {
  const disk = pyenv().file(`${root}/version`, "3.9.1\n").file("/project/.python-version", "# ours\n3.11.2\n");
  assert.equal(executed(disk), `${root}/versions/3.11.2/bin/python3`);
  assert.equal(executed(disk, { cwd: "/" }), `${root}/versions/3.9.1/bin/python3`);
  assert.equal(executed(disk, { env: [...env, "PYENV_VERSION=3.11.10"] }), `${root}/versions/3.11.10/bin/python3`);
});

Deno.test("shim: a version may be a prefix, several, or none of the manager's", () => {
  const with_ = (version: string) => executed(pyenv().file(`${root}/version`, version));
  assert.equal(with_("3.11"), `${root}/versions/3.11.10/bin/python3`);
  assert.equal(with_("4.0\n3.9.1\n"), `${root}/versions/3.9.1/bin/python3`);
  assert.equal(with_("system"), "/usr/bin/python3");
  assert.equal(with_("4.0"), "/usr/bin/python3");
  assert.equal(executed(pyenv()), "/usr/bin/python3");
});

Deno.test("shim: rbenv's choose by .ruby-version", () => {
  const folder = "/home/u/.rbenv";
  const disk = pyenv().executable(`${folder}/shims/ruby`, shim.replaceAll("pyenv", "rbenv"))
    .executable(`${folder}/versions/3.2.0/bin/ruby`, makeElf()).file("/project/.ruby-version", "3.2.0");
  const wants = planned(disk, [`${folder}/shims/ruby`], { env, cwd: "/project" });
  assert.ok(wants.includes(`content ${folder}/versions/3.2.0/bin/ruby`), wants.join("\n"));
});

Deno.test("shim: asdf's choose by .tool-versions, or by what the shim says itself", () => {
  const folder = "/home/u/.asdf";
  const text =
    `#!/usr/bin/env bash\n# asdf-plugin: nodejs 18.1.0\nexec ${folder}/bin/asdf exec "node" "$@" # asdf_allow: ' asdf '\n`;
  const node = (version: string) => `${folder}/installs/nodejs/${version}/bin/node`;
  const disk = new MemoryDisk().executable(`${folder}/shims/node`, text);
  for (const version of ["18.1.0", "20.0.0", "22.0.0"]) disk.executable(node(version), makeElf());
  const wants = (variables: string[] = []) =>
    planned(disk, [`${folder}/shims/node`], { env: [...env, ...variables], cwd: "/project" })
      .filter((want) => want.startsWith(`content ${folder}/installs`));
  assert.deepEqual(wants(), [`content ${node("18.1.0")}`]);
  disk.file("/project/.tool-versions", "python 3.9.1\nnodejs 20.0.0 # new\n");
  assert.deepEqual(wants(), [`content ${node("20.0.0")}`]);
  assert.deepEqual(wants(["ASDF_NODEJS_VERSION=22.0.0"]), [`content ${node("22.0.0")}`]);
});

Deno.test("shim: a file in a folder of that name that is none is left alone", () => {
  const disk = pyenv().executable(`${root}/shims/other`, "#!/usr/bin/env bash\necho\n");
  const wants = planned(disk, [`${root}/shims/other`], { env });
  assert.ok(!wants.some((want) => want.includes("/versions")), wants.join("\n"));
});
