import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import { architectures, type ElfArchitecture, otherArchitecture } from "./architecture.ts";
import type { LibrarySearch, LoadedObject } from "./library_search.ts";
import { type CachedLibrary, decodeLoaderCache } from "./loader_cache.ts";

const CACHE = path`/etc/ld.so.cache`;
const MAX_CACHE = 16 << 20;

/**
 * glibc's way (`_dl_map_object` in `elf/dl-load.c`): DT_RPATH of the object and of all that led to it, LD_LIBRARY_PATH,
 * DT_RUNPATH, the cache, the default directories. Which builds below `glibc-hwcaps` it takes depends on the processor of
 * the machine that it runs on, which nobody knows here: all that exist are wanted.
 */
export class GlibcSearch implements LibrarySearch {
  readonly preloadList = path`/etc/ld.so.preload`;
  readonly #program: Program;
  readonly #architecture: ElfArchitecture;
  /** What `$LIB` stands for: "lib/x86_64-linux-gnu", "lib64", "lib". */
  readonly #lib: ByteString;
  readonly #defaults: readonly ByteString[];
  readonly #environment: readonly ByteString[];

  /** `interpreter` is the loader's path. */
  constructor(program: Program, interpreter: ByteString) {
    this.#program = program;
    this.#architecture = architectures[program.elf?.machine ?? 0] ?? otherArchitecture;
    const home = dirname(program.disk.realPath(interpreter) ?? interpreter);
    this.#lib = home.replace(/^\/(usr\/)?/, "") as ByteString;
    this.#defaults = defaultFolders(home);
    this.#environment = split(program.variable("LD_LIBRARY_PATH") ?? path``, /[:;]/);
  }

  *places(name: ByteString, loader: LoadedObject): Iterable<ByteString> {
    const { runpath, noDefaultLibraries } = loader.elf;
    if (runpath === undefined) {
      for (let object: LoadedObject | undefined = loader; object !== undefined; object = object.loader) {
        yield* this.#inFolders(this.#searchPath(object.elf.rpath, object), name);
      }
    }
    yield* this.#inFolders(this.#environmentFolders(loader), name);
    yield* this.#inFolders(this.#searchPath(runpath, loader), name);
    yield* this.#inCache(name, noDefaultLibraries);
    if (!noDefaultLibraries) yield* this.#inFolders(this.#defaults, name);
  }

  expand(name: ByteString, object: LoadedObject): ByteString {
    const values: Record<string, string> = {
      ORIGIN: object.origin,
      LIB: this.#lib,
      PLATFORM: this.#architecture.platform,
    };
    const replace = (_: string, braced?: string, plain?: string) => values[braced ?? plain ?? ""];
    return name.replace(/\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?!\w))/g, replace) as ByteString;
  }

  isBuiltIn(name: ByteString): boolean {
    return /^linux-(vdso|gate)\.so\.1$/.test(name);
  }

  #searchPath(list: ByteString | undefined, object: LoadedObject): ByteString[] {
    return list === undefined ? [] : split(list, ":").map((entry) => this.expand(entry, object));
  }

  #environmentFolders(loader: LoadedObject): ByteString[] {
    if (this.#program.nonEmpty("LD_LIBRARY_PATH") === undefined) return [];
    let main = loader;
    while (main.loader !== undefined) main = main.loader;
    return this.#environment.map((entry) => this.expand(entry, main));
  }

  *#inFolders(folders: readonly ByteString[], name: ByteString): Iterable<ByteString> {
    for (const folder of folders) {
      // An empty entry means the working directory.
      const place = join(this.#program.cwd, folder);
      this.#wantCapabilities(place, name);
      yield join(place, name);
    }
  }

  /** The better builds, and the folders for them, most of which do not exist. */
  #wantCapabilities(folder: ByteString, name: ByteString): void {
    for (const capability of this.#architecture.capabilities) {
      this.#program.content(path`${folder}/glibc-hwcaps/${fromText(capability)}/${name}`);
    }
    for (const legacy of this.#architecture.legacy) this.#program.content(path`${folder}/${fromText(legacy)}/${name}`);
  }

  *#inCache(name: ByteString, noDefaultLibraries: boolean): Iterable<ByteString> {
    this.#program.content(CACHE);
    const cached = this.#cache().get(name) ?? [];
    for (const { path, special } of cached) if (special && this.#isRightKind(path)) this.#program.content(path);
    for (const { path, special } of cached) {
      if (special || !this.#isRightKind(path)) continue;
      if (!noDefaultLibraries || !this.#defaults.includes(dirname(path))) yield path;
    }
  }

  /** The loader knows an entry for another architecture by its flags, without looking at the file. */
  #isRightKind(path: ByteString): boolean {
    const [elf, own] = [this.#program.readElf(path), this.#program.elf];
    return elf?.machine === own?.machine && elf?.bits === own?.bits;
  }

  #cache(): Map<ByteString, CachedLibrary[]> {
    return this.#program.once("ld.so.cache", () => {
      const data = this.#program.disk.readWhole(CACHE, MAX_CACHE);
      return data === undefined ? new Map() : decodeLoaderCache(data);
    });
  }
}

/** Compiled into each loader: the directory it is in itself, and the usual ones (`dl-load.c`: SYSTEM_DIRS). */
function defaultFolders(home: ByteString): ByteString[] {
  const usual = /^(?:\/usr)?(\/lib[^/]*)(\/[^/]+)?$/.exec(home);
  if (usual === null) return [home];
  const own = usual[0].replace(/^\/usr/, "") as ByteString;
  const parents = usual[2] === undefined ? [] : [path`/lib`, path`/usr/lib`];
  return [own, path`/usr${own}`, ...parents];
}
