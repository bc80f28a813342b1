import type { ByteString } from "../../bytes/mod.ts";
import type { ElfFile } from "./elf_file.ts";

/** An executable or a library in the memory of a program to be. */
export interface LoadedObject {
  readonly path: ByteString;
  /** What `$ORIGIN` stands for in its names. */
  readonly origin: ByteString;
  readonly elf: ElfFile;
  /** Which one needed it; undefined for the executable. */
  readonly loader: LoadedObject | undefined;
}

/** How a C library's loader finds libraries. */
export interface LibrarySearch {
  /** A file that names further libraries to load into every program. */
  readonly preloadList: ByteString | undefined;
  /**
   * The places where it looks for `name` (without a slash) on behalf of `loader`, in order. What it looks up in between,
   * the search itself has wanted when a place is taken from it.
   */
  places(name: ByteString, loader: LoadedObject): Iterable<ByteString>;
  /** A name with a slash, or an entry of a search path, with `$ORIGIN` and the like replaced. */
  expand(name: ByteString, object: LoadedObject): ByteString;
  /** Whether the C library itself stands for `name`: nothing is looked for. */
  isBuiltIn(name: ByteString): boolean;
}
