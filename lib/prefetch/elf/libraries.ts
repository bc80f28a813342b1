import type { ByteString } from "../../bytes/mod.ts";
import { basename, dirname, join, path, split } from "../paths.ts";
import type { Program } from "../program.ts";
import { GlibcSearch } from "./glibc_search.ts";
import type { LibrarySearch, LoadedObject } from "./library_search.ts";
import { MuslSearch } from "./musl_search.ts";

/** The shared libraries of a program, in the order in which its loader opens them (breadth first). */
export class Libraries {
  readonly #program: Program;
  readonly #search: LibrarySearch;
  readonly #main: LoadedObject;
  readonly #objects: LoadedObject[] = [];
  /** Every name that is not looked for again: as needed, as opened, DT_SONAME. */
  readonly #names = new Set<ByteString>();

  /** `interpreter` is the loader's path; the program's executable is an ELF file. */
  constructor(program: Program, interpreter: ByteString) {
    const elf = program.elf;
    if (elf === undefined) throw new Error("Cannot find libraries: not an ELF file");
    this.#program = program;
    const isMusl = basename(interpreter).startsWith("ld-musl-");
    this.#search = isMusl ? new MuslSearch(program, interpreter) : new GlibcSearch(program, interpreter);
    this.#main = { path: program.path, origin: dirname(program.realPath), elf, loader: undefined };
    this.#objects.push(this.#main);
    this.#names.add(interpreter).add(basename(interpreter));
  }

  /** Wants all that the loader opens before the program itself runs. */
  loadAll(): void {
    this.#loadListed(this.#program.variable("LD_PRELOAD"));
    const list = this.#search.preloadList;
    if (list !== undefined && this.#program.content(list)) {
      this.#loadListed(this.#program.disk.readText(list)?.replace(/#.*/g, "") as ByteString | undefined);
    }
    this.#loadNeeded(0);
  }

  /** Wants what dlopen(3) opens, for the executable or a library of it. */
  open(name: ByteString): void {
    const first = this.#objects.length;
    this.#load(name, this.#main);
    this.#loadNeeded(first);
  }

  /** Whether a library is loaded whose name begins so: "libssl.so". */
  has(prefix: string): boolean {
    return this.#objects.some((object) => object !== this.#main && basename(object.path).startsWith(prefix));
  }

  /** The same, of those only that the executable asks for itself. */
  isDirectlyNeeded(prefix: string): boolean {
    return this.#main.elf.needed.some((name) => name.startsWith(prefix));
  }

  /** The loaded library whose name begins so. */
  find(prefix: string): ByteString | undefined {
    return this.#objects.find((object) => object !== this.#main && basename(object.path).startsWith(prefix))?.path;
  }

  /** Whether the executable, or a library that it asks for itself (the C library left out), uses one of the symbols. */
  uses(...symbols: string[]): boolean {
    const own = this.#objects.filter((object) =>
      object === this.#main ||
      (object.loader === this.#main && !/^(libc|libm|libpthread|ld-)\b/.test(basename(object.path)))
    );
    return own.some((object) => symbols.some((symbol) => object.elf.strings.has(symbol)));
  }

  #loadListed(names: ByteString | undefined): void {
    for (const name of split(names ?? path``, /[\s:]+/)) if (name !== "") this.#load(name, this.#main);
  }

  #loadNeeded(first: number): void {
    for (let i = first; i < this.#objects.length; i++) {
      for (const name of this.#objects[i].elf.needed) this.#load(name, this.#objects[i]);
    }
  }

  #load(name: ByteString, loader: LoadedObject): void {
    if (this.#names.has(name) || this.#search.isBuiltIn(name)) return;
    if (name.includes("/")) {
      this.#open(join(this.#program.cwd, this.#search.expand(name, loader)), loader);
      return;
    }
    for (const place of this.#search.places(name, loader)) {
      if (this.#open(place, loader)) {
        this.#names.add(name);
        return;
      }
    }
    // Not to be looked for again: the program will not start.
    this.#names.add(name);
  }

  /** Whether there is a library of the right kind; the loader looks at the first bytes of others. */
  #open(place: ByteString, loader: LoadedObject): boolean {
    if (!this.#program.content(place)) return false;
    const elf = this.#program.readElf(place);
    if (elf === undefined || elf.machine !== this.#main.elf.machine || elf.bits !== this.#main.elf.bits) return false;
    this.#names.add(place);
    if (elf.soname !== undefined) this.#names.add(elf.soname);
    this.#objects.push({ path: place, origin: dirname(place), elf, loader });
    return true;
  }
}
