import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import { architectures, otherArchitecture } from "./architecture.ts";
import type { LibrarySearch, LoadedObject } from "./library_search.ts";

const DEFAULT_FOLDERS = path`/lib:/usr/local/lib:/usr/lib`;

/**
 * musl's way (`load_library` in `ldso/dynlink.c`): LD_LIBRARY_PATH, then DT_RUNPATH or DT_RPATH of the object and of all
 * that led to it, then the folders of `/etc/ld-musl-*.path`, or the usual ones where that file is missing. The libraries
 * that glibc splits off are all in the one that is the loader.
 */
export class MuslSearch implements LibrarySearch {
  readonly preloadList = undefined;
  readonly #program: Program;
  readonly #interpreter: ByteString;

  /** `interpreter` is the loader's path, `/lib/ld-musl-x86_64.so.1`. */
  constructor(program: Program, interpreter: ByteString) {
    this.#program = program;
    this.#interpreter = interpreter;
  }

  *places(name: ByteString, loader: LoadedObject): Iterable<ByteString> {
    yield* this.#inFolders(this.#program.variable("LD_LIBRARY_PATH"), name);
    for (let object: LoadedObject | undefined = loader; object !== undefined; object = object.loader) {
      const list = object.elf.runpath ?? object.elf.rpath;
      yield* this.#inFolders(list && this.expand(list, object), name);
    }
    yield* this.#inFolders(this.#systemPath(), name);
  }

  expand(name: ByteString, object: LoadedObject): ByteString {
    return name.replace(/\$(\{ORIGIN\}|ORIGIN)/g, () => object.origin) as ByteString;
  }

  isBuiltIn(name: ByteString): boolean {
    return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name);
  }

  *#inFolders(list: ByteString | undefined, name: ByteString): Iterable<ByteString> {
    for (const folder of split(list ?? path``, /[:\n]/)) {
      if (folder !== "") yield join(join(this.#program.cwd, folder), name);
    }
  }

  #systemPath(): ByteString {
    const { platform } = architectures[this.#program.elf?.machine ?? 0] ?? otherArchitecture;
    const prefix = dirname(dirname(this.#interpreter));
    const file = path`${prefix === "/" ? path`` : prefix}/etc/ld-musl-${fromText(platform)}.path`;
    const text = this.#program.content(file) ? this.#program.disk.readText(file) : undefined;
    return text?.trim() ? text : DEFAULT_FOLDERS;
  }
}
