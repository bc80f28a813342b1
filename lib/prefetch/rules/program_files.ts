import type { ByteString } from "../../bytes/mod.ts";
import { join } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** What programs read first, by their name: `~/` is the user's home, names without a slash are in the working directory. */
const table: Readonly<Record<string, string>> = {
  cargo: "Cargo.toml Cargo.lock .cargo/config.toml ~/.cargo/config.toml rust-toolchain.toml",
  cmake: "CMakeLists.txt CMakeCache.txt",
  curl: "~/.curlrc ~/.config/curlrc",
  less: "~/.lesskey ~/.less /etc/sysless ~/.lesshst",
  make: "GNUmakefile makefile Makefile",
  gmake: "GNUmakefile makefile Makefile",
  man: "/etc/manpath.config ~/.manpath",
  mysql: "/etc/my.cnf /etc/mysql/my.cnf ~/.my.cnf",
  nano: "/etc/nanorc ~/.nanorc ~/.config/nano/nanorc",
  ninja: "build.ninja .ninja_log .ninja_deps",
  psql: "/etc/postgresql-common/psqlrc ~/.psqlrc ~/.pgpass ~/.pg_service.conf",
  rsync: "~/.popt /etc/popt",
  scp: "~/.ssh/config /etc/ssh/ssh_config",
  sqlite3: "~/.sqliterc ~/.config/sqlite3/sqliterc",
  ssh: "~/.ssh/config /etc/ssh/ssh_config ~/.ssh/known_hosts /etc/ssh/ssh_known_hosts",
  tmux: "/etc/tmux.conf ~/.tmux.conf ~/.config/tmux/tmux.conf",
  vim: "/etc/vim/vimrc /usr/share/vim/vimrc ~/.vimrc ~/.vim/vimrc ~/.viminfo",
  wget: "/etc/wgetrc ~/.wgetrc ~/.wget-hsts ~/.netrc",
};

/** Configuration and inputs that well-known programs look for without being told. */
export const programFilesRule: Rule = {
  name: "program files",

  applies(program: Program): boolean {
    return program.titles.some((title) => Object.hasOwn(table, title));
  },

  plan(program: Program): void {
    const title = program.titles.find((title) => Object.hasOwn(table, title))!;
    const home = program.nonEmpty("HOME");
    for (const name of table[title].split(" ") as ByteString[]) {
      if (!name.startsWith("~/")) program.content(name);
      else if (home !== undefined) program.content(join(home, name.slice(2) as ByteString));
    }
  },
};
