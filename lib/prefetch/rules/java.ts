import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";
import { wantDatabases } from "./accounts.ts";
import { wantLocale } from "./locale.ts";

/** A larger file is mapped and read in parts: its name alone is wanted. */
const MAX_CONTENT = 24 << 20;
/** In the order in which the launcher and the virtual machine open them. */
const LIBRARIES = [
  "server/libjvm.so",
  "libjimage.so",
  "libjava.so",
  "libjsvml.so",
  "libzip.so",
  "libnio.so",
  "libnet.so",
];

/** Java 9 and later: the launcher's virtual machine, its class data, and the archives on the class path. */
export const javaRule: Rule = {
  name: "java",

  applies(program: Program): boolean {
    return program.elf !== undefined && program.libraries?.has("libjli.so") === true;
  },

  plan(program: Program): void {
    const home = dirname(dirname(program.realPath));
    const lib = path`${home}/lib`;
    program.name(path`${lib}/libjava.so`);
    program.content(path`${lib}/jvm.cfg`);
    for (const name of LIBRARIES) {
      if (program.name(path`${lib}/${fromText(name)}`)) program.libraries?.open(path`${lib}/${fromText(name)}`);
    }
    for (const name of ["endorsed", "ext", "server/classes_nocoops.jsa"]) program.name(path`${lib}/${fromText(name)}`);
    program.contentUpTo(path`${lib}/modules`, MAX_CONTENT);
    program.contentUpTo(path`${lib}/server/classes.jsa`, MAX_CONTENT);
    for (const name of [".hotspotrc", ".hotspot_compiler"]) program.name(join(program.cwd, fromText(name)));
    for (
      const name of ["conf/security/java.security", "conf/logging.properties", "conf/net.properties", "lib/tzdb.dat"]
    ) {
      program.name(path`${home}/${fromText(name)}`);
    }
    // The directory of performance data is named after the user.
    wantDatabases(program, ["passwd"]);
    wantLocale(program);
    program.content(path`/etc/localtime`);
    for (const archive of classPath(program)) program.contentUpTo(archive, MAX_CONTENT);
  },
};

/** -jar, -cp, or CLASSPATH; `folder/*` stands for the archives in it. */
function classPath(program: Program): ByteString[] {
  const { argv } = program;
  let list = program.nonEmpty("CLASSPATH");
  for (let at = 1; at < argv.length; at++) {
    const isPath = /^(-cp|-classpath|--class-path|-p|--module-path)$/.test(argv[at]);
    if (argv[at] === "-jar") list = argv[at + 1];
    else if (isPath) list = argv[at + 1];
    else if (!argv[at].startsWith("-")) break;
    if (argv[at] === "-jar") break;
    if (isPath) at++;
  }
  return split(list ?? path``, ":").filter((entry) => entry !== "").flatMap((entry) => {
    if (!entry.endsWith("/*")) return [entry];
    const folder = entry.slice(0, -2) as ByteString;
    return (program.listing(folder) ?? []).filter((name) => name.endsWith(".jar")).map((name) => join(folder, name));
  });
}
