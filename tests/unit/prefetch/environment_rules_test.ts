import assert from "node:assert/strict";
import { fromText } from "../../../lib/bytes/mod.ts";
import { accountsRule, services } from "../../../lib/prefetch/rules/accounts.ts";
import { argumentsRule } from "../../../lib/prefetch/rules/arguments.ts";
import { elfRule } from "../../../lib/prefetch/rules/elf.ts";
import { fontsRule } from "../../../lib/prefetch/rules/fonts.ts";
import { libraryFilesRule } from "../../../lib/prefetch/rules/library_files.ts";
import { localeRule, variants } from "../../../lib/prefetch/rules/locale.ts";
import { programFilesRule } from "../../../lib/prefetch/rules/program_files.ts";
import { terminfoRule } from "../../../lib/prefetch/rules/terminfo.ts";
import { timeZoneRule } from "../../../lib/prefetch/rules/time_zone.ts";
import type { Rule } from "../../../lib/prefetch/rule.ts";
import { makeCache, makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { planned, withProgram } from "./planned.ts";

/** What a rule adds to a program's own libraries. */
function added(
  rule: Rule,
  disk: MemoryDisk,
  options: { env?: string[]; argv?: string[]; cwd?: string } = {},
): string[] {
  const { argv = ["/bin/p"], ...rest } = options;
  const without = planned(disk, argv, { ...rest, rules: [elfRule] });
  return planned(disk, argv, { ...rest, rules: [elfRule, rule] }).filter((want) => !without.includes(want));
}

/** /bin/p that uses some functions. */
function using(...symbols: string[]): MemoryDisk {
  return withProgram(new MemoryDisk(), "/bin/p", { symbols }).directory("/etc").directory("/usr/share");
}

/** A locale archive with these names, as glibc lays it out. */
function archive(...names: string[]): Uint8Array {
  const strings = names.map((name) => `${name}\0`).join("");
  const data = new Uint8Array(64 + strings.length);
  const view = new DataView(data.buffer);
  view.setUint32(0, 0xde020109, true);
  view.setUint32(20, 64, true);
  view.setUint32(24, strings.length, true);
  [...strings].forEach((char, i) => data[64 + i] = char.charCodeAt(0));
  return data;
}

const LOCALES = "/usr/lib/locale";

Deno.test("locale: nothing is wanted by who does not call setlocale, or for C and POSIX", () => {
  assert.deepEqual(added(localeRule, using("printf"), { env: ["LANG=de_DE.UTF-8"] }), []);
  for (const env of [[], ["LANG=C"], ["LC_ALL=POSIX", "LANG=de_DE.UTF-8"], ["LC_ALL=", "LANG="]]) {
    assert.deepEqual(added(localeRule, using("setlocale"), { env }), []);
  }
});

Deno.test("locale: a locale in the archive needs the archive, the table of aliases and that of conversions", () => {
  const disk = using("setlocale").file(`${LOCALES}/locale-archive`, archive("en_GB.utf8", "de_DE.utf8"))
    .file("/usr/share/locale/locale.alias").file("/lib64/gconv/gconv-modules.cache");
  assert.deepEqual(added(localeRule, disk, { env: ["LANG=de_DE.UTF-8"] }), [
    `content ${LOCALES}/locale-archive`,
    "content /usr/share/locale/locale.alias",
    "content /lib64/gconv/gconv-modules.cache",
  ]);
});

Deno.test("locale: of a large archive only the name is wanted", () => {
  const disk = using("setlocale").file(`${LOCALES}/locale-archive`, new Uint8Array(9 << 20));
  assert.ok(added(localeRule, disk, { env: ["LANG=de_DE.UTF-8"] }).includes(`name ${LOCALES}/locale-archive`));
});

Deno.test("locale: without an archive there is a file for each category, by its own variable", () => {
  const disk = using("setlocale").file(`${LOCALES}/de_DE.utf8/LC_CTYPE`).file(`${LOCALES}/de_DE.utf8/LC_TIME`)
    .file(`${LOCALES}/de_DE.utf8/LC_MESSAGES/SYS_LC_MESSAGES`).file(`${LOCALES}/fr/LC_TIME`);
  const wants = added(localeRule, disk, { env: ["LANG=de_DE.UTF-8", "LC_TIME=fr_FR", "LC_NUMERIC=C"] });
  assert.deepEqual(wants.filter((want) => want.includes(LOCALES)), [
    `name ${LOCALES}/locale-archive`,
    `name ${LOCALES}/de_DE.UTF-8`,
    `content ${LOCALES}/de_DE.utf8/LC_CTYPE`,
    `name ${LOCALES}/fr_FR`,
    `content ${LOCALES}/fr/LC_TIME`,
    ...["COLLATE", "MONETARY", "MESSAGES"].map((name) => `name ${LOCALES}/de_DE.utf8/LC_${name}`),
    `content ${LOCALES}/de_DE.utf8/LC_MESSAGES/SYS_LC_MESSAGES`,
    ...["PAPER", "NAME", "ADDRESS", "TELEPHONE", "MEASUREMENT", "IDENTIFICATION"].map((name) =>
      `name ${LOCALES}/de_DE.utf8/LC_${name}`
    ),
  ]);
});

Deno.test("locale: messages are looked for by language, and LANGUAGE comes before the locale", () => {
  const disk = using("setlocale", "bindtextdomain").file("/usr/share/locale/de/LC_MESSAGES/p.mo");
  const wants = added(localeRule, disk, { env: ["LANG=de_DE", "LANGUAGE=de:nl"] });
  assert.ok(wants.includes("content /usr/share/locale/de/LC_MESSAGES/p.mo"));
  assert.ok(wants.includes("name /usr/share/locale/nl"));
});

Deno.test("variants() gives the names under which glibc looks for a locale, best first", () => {
  assert.deepEqual(variants(fromText("de_DE.ISO-8859-1@euro")).slice(0, 3), [
    "de_DE.ISO-8859-1@euro",
    "de_DE.iso88591@euro",
    "de_DE@euro",
  ]);
  assert.deepEqual(variants(fromText("C.UTF-8")), ["C.UTF-8", "C.utf8", "C"]);
  assert.deepEqual(variants(fromText("")), [""]);
});

Deno.test("time zone: TZ names a file, or else it is /etc/localtime", () => {
  const disk = using("localtime").file("/etc/localtime").file("/usr/share/zoneinfo/Europe/Berlin");
  assert.deepEqual(added(timeZoneRule, disk), ["content /etc/localtime"]);
  assert.deepEqual(added(timeZoneRule, disk, { env: ["TZ=:Europe/Berlin"] }), [
    "content /usr/share/zoneinfo/Europe/Berlin",
  ]);
  assert.deepEqual(added(timeZoneRule, disk, { env: ["TZ=/etc/localtime"] }), ["content /etc/localtime"]);
  assert.deepEqual(added(timeZoneRule, disk, { env: ["TZ="] }), []);
  assert.deepEqual(added(timeZoneRule, using("printf")), []);
});

Deno.test("accounts: databases and plug-ins are wanted by who looks users, groups or hosts up", () => {
  const disk = using("getpwuid", "getaddrinfo").file("/etc/passwd").file("/etc/group")
    .file("/etc/nsswitch.conf", "passwd: files sss [!UNAVAIL=return] # local\nhosts:\tfiles dns\n")
    .file("/etc/ld.so.cache", makeCache([{ name: "libnss_sss.so.2", path: "/lib/libnss_sss.so.2" }]))
    .file("/lib/libnss_sss.so.2", makeElf({ soname: "libnss_sss.so.2" }));
  assert.deepEqual(added(accountsRule, disk), [
    "content /etc/nsswitch.conf",
    "content /etc/passwd",
    "content /lib/libnss_sss.so.2",
    "name /etc/host.conf",
    "name /etc/gai.conf",
  ]);
});

Deno.test("accounts: interpreters, which offer these functions, are no evidence", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/python3", { symbols: ["getpwuid"] });
  assert.deepEqual(added(accountsRule, disk, { argv: ["/bin/python3"] }), []);
});

Deno.test("services() reads a line of nsswitch.conf", () => {
  assert.deepEqual(services("# passwd: no\n passwd:files  ldap [NOTFOUND=return] nis\n", "passwd"), [
    "files",
    "ldap",
    "nis",
  ]);
  assert.deepEqual(services("group: files", "passwd"), []);
  assert.deepEqual(services("passwd: ../../x", "passwd"), []);
});

Deno.test("terminfo: the terminal's description is looked for where ncurses does, up to where it is", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/p", { needed: ["libc.so.6", "libtinfo.so.6"] })
    .file("/lib64/libtinfo.so.6", makeElf({ soname: "libtinfo.so.6" }))
    .directory("/home/u")
    .directory("/etc")
    .file("/lib/terminfo/x/xterm");
  const env = ["HOME=/home/u", "TERM=xterm", "TERMINFO_DIRS=/own:"];
  assert.deepEqual(added(terminfoRule, disk, { env }), [
    "name /home/u/.terminfo",
    "name /own",
    "name /etc/terminfo",
    "content /lib/terminfo/x/xterm",
  ]);
  assert.deepEqual(added(terminfoRule, disk), []);
  assert.deepEqual(added(terminfoRule, disk, { env: ["TERM=../../etc/passwd"] }), []);
  assert.deepEqual(added(terminfoRule, using(), { env }), []);
});

Deno.test("library files: what libraries read when they are loaded", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/p", { needed: ["libc.so.6", "libselinux.so.1", "libsasl2.so.2"] })
    .file("/lib64/libselinux.so.1", makeElf({ soname: "libselinux.so.1" })).file("/etc/selinux/config")
    .file("/lib64/libsasl2.so.2", makeElf({ soname: "libsasl2.so.2" })).file("/lib64/sasl2/libplain.so", makeElf());
  assert.deepEqual(added(libraryFilesRule, disk), [
    "name /selinux",
    "content /etc/selinux/config",
    "listing /lib64/sasl2",
    "content /lib64/sasl2/libplain.so",
  ]);
});

Deno.test("library files: OpenSSL's configuration is read by who uses it, where the environment says", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/p", {
    needed: ["libc.so.6", "libcrypto.so.3"],
    symbols: ["SSL_CTX_new"],
  })
    .file("/lib64/libcrypto.so.3", makeElf({ soname: "libcrypto.so.3" })).file("/etc/ssl/openssl.cnf").file("/my.cnf");
  assert.deepEqual(added(libraryFilesRule, disk), ["name /usr", "content /etc/ssl/openssl.cnf"]);
  assert.deepEqual(added(libraryFilesRule, disk, { env: ["OPENSSL_CONF=/my.cnf"] }), ["content /my.cnf"]);
});

Deno.test("program files: what a program looks for by its name", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/make").directory("/src").file("/src/Makefile");
  assert.deepEqual(added(programFilesRule, disk, { argv: ["/bin/make"], cwd: "/src" }), [
    "name /src/GNUmakefile",
    "name /src/makefile",
    "content /src/Makefile",
  ]);
});

Deno.test("arguments: names of files are wanted, code, options and URLs are not", () => {
  const disk = withProgram(new MemoryDisk(), "/bin/p").file("/src/in.mp4", "x").file(
    "/src/big",
    new Uint8Array(300 << 10),
  )
    .file("/src/d/a").file("/conf");
  const argv = [
    "/bin/p",
    "-i",
    "in.mp4",
    "--config=/conf",
    "./big",
    "http://host/x",
    "-o",
    "in.mp4",
    "d/",
    "word",
    "{a.b}",
    "new.mp4",
  ];
  assert.deepEqual(added(argumentsRule, disk, { argv, cwd: "/src" }), [
    "content /src/in.mp4",
    "content /conf",
    "name /src/big",
    "listing /src/d",
    "name /src/new.mp4",
  ]);
});

Deno.test("fonts: only for who asks for such a library itself", () => {
  const font = { soname: "libfontconfig.so.1" };
  const direct = withProgram(new MemoryDisk(), "/bin/p", { needed: ["libc.so.6", "libfontconfig.so.1"] })
    .file("/lib64/libfontconfig.so.1", makeElf(font)).file("/etc/fonts/fonts.conf").file("/etc/fonts/conf.d/10-a.conf")
    .file("/etc/fonts/conf.d/README");
  const wants = added(fontsRule, direct);
  assert.deepEqual(wants.slice(0, 3), [
    "content /etc/fonts/fonts.conf",
    "listing /etc/fonts/conf.d",
    "content /etc/fonts/conf.d/10-a.conf",
  ]);
  const indirect = withProgram(new MemoryDisk(), "/bin/p", { needed: ["libc.so.6", "libmiddle.so"] })
    .file("/lib64/libmiddle.so", makeElf({ soname: "libmiddle.so", needed: ["libfontconfig.so.1"] }))
    .file("/lib64/libfontconfig.so.1", makeElf(font)).file("/etc/fonts/fonts.conf");
  assert.deepEqual(added(fontsRule, indirect), []);
});
