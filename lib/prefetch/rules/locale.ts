import { type ByteString, fromText } from "../../bytes/mod.ts";
import { basename, dirname, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";
import { bytesAsText } from "../text.ts";

const CATEGORIES = [
  "LC_CTYPE",
  "LC_NUMERIC",
  "LC_TIME",
  "LC_COLLATE",
  "LC_MONETARY",
  "LC_MESSAGES",
  "LC_PAPER",
  "LC_NAME",
  "LC_ADDRESS",
  "LC_TELEPHONE",
  "LC_MEASUREMENT",
  "LC_IDENTIFICATION",
];
const FOLDER = path`/usr/lib/locale`;
const ARCHIVE = path`/usr/lib/locale/locale-archive`;
const MESSAGES = path`/usr/share/locale`;
/** A larger archive holds all locales, of which the program maps one. */
const MAX_ARCHIVE = 8 << 20;
const ARCHIVE_MAGIC = 0xde020109;
/** Bytes of names in an archive. */
const MAX_NAMES = 1 << 20;

/** setlocale(3) of glibc: the archive, or a file a category; the table of conversions; translated messages. */
export const localeRule: Rule = {
  name: "locale",

  applies(program: Program): boolean {
    // node has a table of locales of its own.
    return program.libraries?.has("libc.so.6") === true && program.libraries.uses("setlocale", "newlocale") &&
      !program.titles.some((title) => /^node(js)?$/.test(title));
  },

  plan: wantLocale,
};

/** What `setlocale(LC_ALL, "")` reads. */
export function wantLocale(program: Program): void {
  const locales = new Set(CATEGORIES.map((category) => localeOf(program, category)));
  locales.delete(path`C`);
  locales.delete(path`POSIX`);
  if (locales.size === 0) return;
  const folders = program.nonEmpty("LOCPATH") === undefined ? [FOLDER] : split(program.variable("LOCPATH")!, ":");
  if (folders[0] === FOLDER) program.contentUpTo(program.nonEmpty("LOCALE_ARCHIVE") ?? ARCHIVE, MAX_ARCHIVE);
  program.content(path`${MESSAGES}/locale.alias`);
  for (const category of CATEGORIES) wantCategory(program, category, folders);
  wantConversions(program);
  wantMessages(program);
}

/** The locale of one category, as setlocale(3) reads the environment. */
function localeOf(program: Program, category: string): ByteString {
  return program.nonEmpty("LC_ALL") ?? program.nonEmpty(category) ?? program.nonEmpty("LANG") ?? path`C`;
}

function wantCategory(program: Program, category: string, folders: readonly ByteString[]): void {
  const locale = localeOf(program, category);
  if (locale === "C" || locale === "POSIX") return;
  if (locale.includes("/")) return wantFile(program, locale, category);
  if (folders[0] === FOLDER && isInArchive(program, locale)) return;
  for (const folder of folders) {
    for (const variant of variants(locale)) {
      if (program.disk.isDirectory(path`${folder}/${variant}`)) {
        return wantFile(program, path`${folder}/${variant}`, category);
      }
      program.name(path`${folder}/${variant}`);
    }
  }
}

function wantFile(program: Program, folder: ByteString, category: string): void {
  const file = path`${folder}/${fromText(category)}`;
  // Messages are a folder.
  if (!program.content(file) && program.disk.isDirectory(file)) {
    program.content(path`${file}/SYS_${fromText(category)}`);
  }
}

/**
 * The names under which glibc looks for `language[_territory][.codeset][@modifier]`, best first (`_nl_make_l10nflist`):
 * each part may be left out, the codeset is tried as it is and normalized.
 */
export function variants(locale: ByteString): ByteString[] {
  const [, language, territory = "", codeset = "", modifier = ""] =
    /^([^_.@]*)(_[^.@]*)?(\.[^@]*)?(@.*)?$/.exec(locale) ?? [];
  if (language === undefined) return [locale];
  const names = new Set<string>();
  for (const end of new Set([modifier, ""])) {
    for (const country of new Set([territory, ""])) {
      for (const code of [codeset, normalized(codeset), ""]) names.add(language + country + code + end);
    }
  }
  return [...names] as ByteString[];
}

/** ".UTF-8" → ".utf8", ".8859-1" → ".iso88591" (`_nl_normalize_codeset`). */
function normalized(codeset: string): string {
  const name = codeset.slice(1).replace(/[^A-Za-z0-9]/g, "").toLowerCase();
  if (name === "") return "";
  return /^\d+$/.test(name) ? `.iso${name}` : `.${name}`;
}

/** Whether the archive (`locarchive.h` of glibc) has a locale of that name. */
function isInArchive(program: Program, locale: ByteString): boolean {
  const names = program.once(`locale archive ${program.nonEmpty("LOCALE_ARCHIVE") ?? ""}`, () => archiveNames(program));
  return variants(locale).slice(0, 2).some((name) => names.includes(`\0${name}\0`));
}

/** The strings of an archive's name table, a NUL before and after each. */
function archiveNames(program: Program): string {
  const file = program.nonEmpty("LOCALE_ARCHIVE") ?? ARCHIVE;
  const head = program.disk.read(file, { offset: 0, length: 56 });
  if (head === undefined || head.length < 56) return "";
  const fields = new DataView(head.buffer, head.byteOffset);
  if (fields.getUint32(0, true) !== ARCHIVE_MAGIC) return "";
  const length = Math.min(fields.getUint32(24, true), MAX_NAMES);
  const data = program.disk.read(file, { offset: fields.getUint32(20, true), length });
  return data === undefined ? "" : `\0${bytesAsText(data)}\0`;
}

/** iconv's table, from the folder of the C library. */
function wantConversions(program: Program): void {
  const library = program.libraries?.find("libc.so.6");
  if (library === undefined || program.nonEmpty("GCONV_PATH") !== undefined) return;
  const home = dirname(program.disk.realPath(library) ?? library);
  if (program.content(path`${home}/gconv/gconv-modules.cache`)) return;
  program.content(path`${home}/gconv/gconv-modules`);
  program.listing(path`${home}/gconv/gconv-modules.d`);
}

/** gettext(3)'s catalogues. The domain is the program's own business; most take their name. */
function wantMessages(program: Program): void {
  const locale = localeOf(program, "LC_MESSAGES");
  if (locale === "C" || locale === "POSIX" || !program.libraries?.uses("textdomain", "bindtextdomain")) return;
  const languages = program.nonEmpty("LANGUAGE");
  program.name(MESSAGES);
  for (const language of languages === undefined ? [locale] : split(languages, ":")) {
    for (const variant of variants(language)) {
      program.content(path`${MESSAGES}/${variant}/LC_MESSAGES/${basename(program.path)}.mo`);
    }
  }
}
