import type { ByteString } from "../../bytes/mod.ts";
import { join } from "../paths.ts";
import { NodeModules } from "../node/modules.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";
import { wantOpenssl } from "./library_files.ts";

/** Options that take the next argument. */
const withValue = /^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--title|--env-file)$/;

/** Node.js: certificates, and the modules that a script loads. */
export const nodeRule: Rule = {
  name: "node",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.titles.some((title) => /^(node|nodejs)$/.test(title));
  },

  plan(program: Program): void {
    wantOpenssl(program);
    const certificates = program.nonEmpty("NODE_EXTRA_CA_CERTS");
    if (certificates !== undefined) program.content(certificates);
    // V8 looks for the executable's own symbols.
    program.content(program.realPath);
    const modules = new NodeModules(program);
    const { argv } = program;
    for (let at = 1; at < argv.length; at++) {
      const option = argv[at];
      if (/^(-e|--eval|-p|--print|-pe)$/.test(option)) return modules.run(argv[at + 1] ?? "", program.cwd);
      if (/^(-r|--require|--import)$/.test(option)) modules.run(`require("${argv[at + 1] ?? ""}")`, program.cwd);
      if (withValue.test(option)) at++;
      else if (!option.startsWith("-")) return loadScript(program, modules, option);
    }
  },
};

function loadScript(program: Program, modules: NodeModules, script: ByteString): void {
  const file = program.disk.normalize(join(program.cwd, script));
  modules.load(program.disk.realPath(file) ?? file);
}
