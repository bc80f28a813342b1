import { type ByteString, fromText } from "../../bytes/mod.ts";
import { join, path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** Libraries whose users draw text. */
const evidence = ["libfontconfig.so", "libgtk-", "libpango-", "libpangocairo", "libQt5Gui.so", "libQt6Gui.so"];
const MAX_FILES = 400;

/** fontconfig's configuration, its caches and the folders of fonts, for programs that ask for such a library themselves. */
export const fontsRule: Rule = {
  name: "fonts",

  applies(program: Program): boolean {
    return evidence.some((prefix) => program.libraries?.isDirectlyNeeded(prefix));
  },

  plan(program: Program): void {
    const home = program.nonEmpty("HOME");
    program.content(program.nonEmpty("FONTCONFIG_FILE") ?? path`/etc/fonts/fonts.conf`);
    wantAll(program, path`/etc/fonts/conf.d`, ".conf");
    if (home !== undefined) {
      for (const name of [".config/fontconfig/fonts.conf", ".fonts.conf", ".fonts", ".local/share/fonts"]) {
        program.name(join(home, fromText(name)));
      }
    }
    const cache = home && join(program.nonEmpty("XDG_CACHE_HOME") ?? path`${home}/.cache`, path`fontconfig`);
    for (const folder of [path`/var/cache/fontconfig`, cache]) if (folder) wantAll(program, folder, "");
    for (const name of ["/usr/share/fonts", "/usr/local/share/fonts"]) program.name(fromText(name));
    if (["libgtk-"].some((prefix) => program.libraries?.isDirectlyNeeded(prefix))) wantGtk(program);
  },
};

function wantGtk(program: Program): void {
  const settings = [
    "/etc/gtk-3.0/settings.ini",
    "/usr/share/mime/mime.cache",
    "/usr/share/glib-2.0/schemas/gschemas.compiled",
  ];
  for (const name of settings) program.content(fromText(name));
  for (const name of ["hicolor", "Adwaita"]) {
    program.name(path`/usr/share/icons/${fromText(name)}/index.theme`);
    program.name(path`/usr/share/icons/${fromText(name)}/icon-theme.cache`);
  }
}

function wantAll(program: Program, folder: ByteString, ending: string): void {
  const names = [...program.listing(folder) ?? []].filter((name) => name.endsWith(ending)).sort();
  for (const name of names.slice(0, MAX_FILES)) program.content(join(folder, name));
}
