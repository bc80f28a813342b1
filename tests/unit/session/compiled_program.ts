import assert from "node:assert/strict";

const scripts = new URL("../../../scripts/", import.meta.url).pathname;

function succeed(command: string, args: string[], env?: Record<string, string>): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args, env }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/**
 * A program next to this file, compiled as the product is: `deno run` differs in what a process finds (it raises the
 * limit of open files, and has arguments of its own). The executable is gone when this is disposed of.
 */
export class CompiledProgram {
  readonly path: string;
  readonly #folder = Deno.makeTempDirSync({ prefix: "outrun_program_" });

  constructor(file: string) {
    this.path = `${this.#folder}/program`;
    const denort = succeed(`${scripts}denort`, []);
    const flags = ["--quiet", "--no-check", "--no-lock", "--cached-only", "--no-code-cache", "-A"];
    const source = new URL(file, import.meta.url).pathname;
    const args = ["compile", ...flags, "--output", this.path, source];
    succeed(`${scripts}deno`, args, denort ? { DENORT_BIN: denort } : {});
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
