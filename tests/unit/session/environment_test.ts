import assert from "node:assert/strict";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { variable } from "../../../lib/session/environment.ts";
import { CompiledProgram } from "./compiled_program.ts";

/** What a process inherits that `script`, for sh, starts by `exec "$@"`, perhaps with more arguments. */
type Inherited = (script: string, cwd?: string) => {
  args: string[];
  env: string[];
  cwd: string;
  uid: number;
  gid: number;
  groups: number[];
  umask: number;
  umaskAfter: number;
  nofile: { soft: number; hard: number };
  error?: string;
};

function program(path: string): Inherited {
  return (script, cwd) => {
    const command = new Deno.Command("sh", { args: ["-c", script, "sh", path], stderr: "inherit", cwd });
    const { success, stdout } = command.outputSync();
    assert.ok(success);
    return JSON.parse(new TextDecoder().decode(stdout));
  };
}

function id(flag: string): number[] {
  const { stdout } = new Deno.Command("id", { args: [flag] }).outputSync();
  return new TextDecoder().decode(stdout).trim().split(" ").map(Number);
}

Deno.test("readEnvironment() and readArguments() read what this process inherited, byte for byte", async (t) => {
  using compiled = new CompiledProgram("print_environment.ts");
  const directory = Deno.makeTempDirSync({ prefix: "outrun_environment_" });
  const inherited = program(compiled.path);

  await t.step("every argument, empty ones too", () => {
    const { args } = inherited(`exec "$@" '' é ' a  b ' '' "$(printf 'x\\ny')"`);
    assert.deepEqual(args, ["", "\xc3\xa9", " a  b ", "", "x\ny"]);
  });

  await t.step("every variable, whatever bytes are in it", () => {
    const { env } = inherited(`ODD="$(printf '\\200\\237\\377=\\n ')." EMPTY= exec "$@"`);
    assert.ok(env.includes("ODD=\x80\x9f\xff=\n ."), JSON.stringify(env));
    assert.ok(env.includes("EMPTY="));
  });

  await t.step("an environment larger than the first buffer, and none", () => {
    const { env } = inherited(`LARGE=$(printf '%060000d' 7) exec "$@"`);
    assert.ok(env.includes(`LARGE=${"7".padStart(60000, "0")}`));
    assert.deepEqual(inherited(`exec env -i "$@"`).env, []);
  });

  await t.step("the directory, whatever bytes are in its path", () => {
    const { cwd } = inherited(`d="$(printf 'a\\200\\377 b')"; mkdir "$d"; cd "$d"; exec "$@"`, directory);
    assert.equal(cwd, `${Deno.realPathSync(directory)}/a\x80\xff b`);
  });

  await t.step("a directory that is removed: what to do", () => {
    const { error } = inherited(`mkdir gone; cd gone; exec "$@" removed`, directory);
    assert.match(error ?? "", /Cannot use the current directory: .*change to another/);
  });

  await t.step("ids", () => {
    const { uid, gid, groups } = inherited(`exec "$@"`);
    assert.deepEqual([[uid], [gid]], [id("-u"), id("-g")]);
    // id(1) adds the group itself.
    assert.deepEqual(new Set([gid, ...groups]), new Set(id("-G")));
  });

  await t.step("umask and limits", () => {
    const { umask, umaskAfter, nofile } = inherited(`umask 027; ulimit -Sn 123; ulimit -Hn 456; exec "$@"`);
    assert.deepEqual([umask, umaskAfter], [0o027, 0o027]);
    assert.deepEqual(nofile, { soft: 123, hard: 456 });
  });

  Deno.removeSync(directory, { recursive: true });
});

Deno.test("variable() gives the first value of exactly that name", () => {
  const env = ["PATHS=no", "XPATH=no", "PATH", "PATH=/a=b:\xff", "PATH=/c", "EMPTY="] as ByteString[];
  assert.equal(variable(env, "PATH"), "/a=b:\xff");
  assert.equal(variable(env, "EMPTY"), "");
  assert.equal(variable(env, "NONE"), undefined);
});
