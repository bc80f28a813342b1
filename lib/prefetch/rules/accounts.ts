import { type ByteString, fromText } from "../../bytes/mod.ts";
import { path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

const CONFIGURATION = path`/etc/nsswitch.conf`;

/** The databases, the functions that search them, and what those read beside the database itself. */
const databases = [
  {
    name: "passwd",
    functions: ["getpwuid", "getpwnam", "getpwuid_r", "getpwnam_r", "getpwent", "wordexp"],
    files: [path`/etc/passwd`],
  },
  {
    name: "group",
    functions: ["getgrgid", "getgrnam", "getgrgid_r", "getgrnam_r", "getgrouplist", "initgroups", "getgrent"],
    files: [path`/etc/group`],
  },
  {
    name: "hosts",
    functions: ["getaddrinfo", "gethostbyname", "gethostbyname2_r", "gethostbyname_r", "getnameinfo"],
    files: [path`/etc/host.conf`, path`/etc/gai.conf`],
  },
];

/** Part of the C library itself (since 2.34 at the latest), or never there. */
const builtIn = /^(files|dns|compat|db|nis|nisplus)$/;

/** Programs that offer these functions to others, and hardly ever call them at start. */
const offering = /^(bash|dash|git|node|perl|php|python|ruby|zsh)/;

/** Names of users, groups and hosts: the databases, and the plug-ins that glibc loads for them. */
export const accountsRule: Rule = {
  name: "accounts",

  applies(program: Program): boolean {
    return program.libraries?.has("libc.so.6") === true && !program.titles.some((title) => offering.test(title));
  },

  plan(program: Program): void {
    const used = databases.filter((database) => program.libraries?.uses(...database.functions));
    wantDatabases(program, used.map((database) => database.name));
  },
};

/** What searching the databases ("passwd", "group", "hosts") reads. */
export function wantDatabases(program: Program, names: readonly string[]): void {
  if (names.length === 0) return;
  const text = program.content(CONFIGURATION) ? program.disk.readText(CONFIGURATION) ?? "" : "";
  for (const { name, files } of databases.filter(({ name }) => names.includes(name))) {
    for (const file of files) program.content(file);
    for (const service of services(text, name)) {
      if (!builtIn.test(service)) program.libraries?.open(path`libnss_${service}.so.2`);
    }
  }
}

/** The services of a line `name: files systemd [NOTFOUND=return] …`. */
export function services(configuration: string, database: string): ByteString[] {
  const line = configuration.split("\n").find((line) => line.trimStart().startsWith(`${database}:`));
  const words = line?.replace(/#.*/, "").replace(/\[[^\]]*\]/g, " ").slice(line.indexOf(":") + 1) ?? "";
  return words.split(/\s+/).filter((word) => /^\w+$/.test(word)).map(fromText);
}
