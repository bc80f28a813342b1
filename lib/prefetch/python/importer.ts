import { type ByteString, fromText } from "../../bytes/mod.ts";
import { basename, dirname, path } from "../paths.ts";
import type { Program } from "../program.ts";
import { type Import, scanImports } from "./scan_imports.ts";

export interface ImporterOptions {
  readonly major: number;
  readonly minor: number;
  /** sys.path; the importer adds to it as site does. */
  readonly path: ByteString[];
  /** How often -O is given. */
  readonly optimize: number;
  /** PYTHONPYCACHEPREFIX. */
  readonly cachePrefix: ByteString | undefined;
}

/** A module that has been imported. */
interface Module {
  /** Where its submodules are; undefined: it is no package. */
  readonly path: readonly ByteString[] | undefined;
}

/** What importlib finds for one name. */
interface Spec {
  readonly kind: "source" | "bytecode" | "extension" | "namespace";
  readonly file: ByteString;
  /** For a package. */
  readonly path: readonly ByteString[] | undefined;
}

const MAX_MODULES = 3000;
const PYC_HEADER = 16;

/** Frozen into the interpreter from 3.11 on (`Python/frozen.c`): nothing of them is read. */
const frozen = new Set([
  "__hello__",
  "__phello__",
  "_collections_abc",
  "_sitebuiltins",
  "abc",
  "codecs",
  "genericpath",
  "importlib._bootstrap",
  "importlib._bootstrap_external",
  "importlib.machinery",
  "importlib.util",
  "io",
  "ntpath",
  "os",
  "os.path",
  "posixpath",
  "runpy",
  "site",
  "stat",
  "zipimport",
]);

/** Imports modules as importlib does, as far as files are concerned, and what these import, depth first. */
export class Importer {
  readonly #program: Program;
  readonly #options: ImporterOptions;
  readonly #modules = new Map<string, Module | undefined>();
  readonly #names = new Map<ByteString, ReadonlySet<string>>();

  constructor(program: Program, options: ImporterOptions) {
    this.#program = program;
    this.#options = options;
  }

  /** sys.path */
  get path(): ByteString[] {
    return this.#options.path;
  }

  /** `import name`, parents first. */
  import(name: string): Module | undefined {
    if (this.#modules.has(name)) return this.#modules.get(name);
    if (this.#modules.size >= MAX_MODULES) return undefined;
    const dot = name.lastIndexOf(".");
    const parent = dot < 0 ? undefined : this.import(name.slice(0, dot));
    const folders = dot < 0 ? this.path : parent?.path;
    // Before the search: a name that leads to itself is being imported.
    this.#modules.set(name, undefined);
    const spec = folders && this.#find(name.slice(dot + 1), folders);
    if (spec === undefined) return undefined;
    const module = { path: spec.path };
    this.#modules.set(name, module);
    // A frozen module imports what its source says, and that need not be frozen.
    if (!this.#isFrozen(name)) this.#load(spec);
    this.#importAll(spec, name);
    return module;
  }

  /** Imports what `source` imports when it is the program itself. `packageName`: where relative imports start. */
  run(source: string, packageName = ""): void {
    for (const statement of scanImports(source, { isMain: true })) this.#execute(statement, packageName);
  }

  /** The source file of a module that has no other life: `-m name`. */
  locate(name: string): Spec | undefined {
    const dot = name.lastIndexOf(".");
    const folders = dot < 0 ? this.path : this.import(name.slice(0, dot))?.path;
    return folders && this.#find(name.slice(dot + 1), folders);
  }

  /** Reads a module's code: its bytecode where that is up to date, else its source. */
  readCode(spec: Spec): void {
    const { file } = spec;
    if (spec.kind === "bytecode") this.#program.content(file);
    if (spec.kind !== "source") return;
    this.#program.name(file);
    const cached = this.#cacheFile(file);
    if (!this.#program.content(cached) || !this.#isValid(cached, file)) this.#program.content(file);
  }

  #execute({ level, module, names }: Import, packageName: string): void {
    const base = resolve(module, level, packageName);
    if (base === undefined || base === "") return;
    const imported = this.import(base);
    // A name may be a submodule; the search for one that is not lists the package's folder all the same.
    if (imported?.path !== undefined) { for (const name of names) this.import(`${base}.${name}`); }
  }

  #load(spec: Spec): void {
    if (spec.kind === "extension") this.#program.libraries?.open(spec.file);
    else this.readCode(spec);
  }

  #importAll(spec: Spec, name: string): void {
    if (spec.kind !== "source") return;
    const source = this.#program.disk.readSource(spec.file) ?? "";
    const packageName = spec.path === undefined ? name.slice(0, Math.max(0, name.lastIndexOf("."))) : name;
    for (const statement of scanImports(source)) this.#execute(statement, packageName);
  }

  #isFrozen(name: string): boolean {
    return this.#options.minor >= 11 && frozen.has(name);
  }

  /** FileFinder.find_spec: each folder is listed when first looked into. */
  #find(tail: string, folders: readonly ByteString[]): Spec | undefined {
    const portions: ByteString[] = [];
    for (const folder of folders) {
      const names = this.#list(folder);
      if (names.has(tail)) {
        const inner = path`${folder}/${tail as ByteString}`;
        const spec = this.#findPackage(inner);
        if (spec !== undefined) return spec;
        if (this.#program.disk.isDirectory(inner)) portions.push(inner);
      }
      for (const suffix of this.#suffixes()) {
        if (!names.has(tail + suffix)) continue;
        const file = path`${folder}/${(tail + suffix) as ByteString}`;
        return { kind: kindOf(suffix), file, path: undefined };
      }
    }
    return portions.length === 0 ? undefined : { kind: "namespace", file: portions[0], path: portions };
  }

  /** A folder is a package by its __init__, for which it is not listed. */
  #findPackage(folder: ByteString): Spec | undefined {
    if (!this.#program.disk.isDirectory(folder)) return undefined;
    for (const suffix of this.#suffixes()) {
      const file = path`${folder}/__init__${fromText(suffix)}`;
      if (this.#program.name(file)) return { kind: kindOf(suffix), file, path: [folder] };
    }
    return undefined;
  }

  #list(folder: ByteString): ReadonlySet<string> {
    let names = this.#names.get(folder);
    if (names === undefined) this.#names.set(folder, names = new Set(this.#program.listing(folder) ?? []));
    return names;
  }

  /** In the order in which they are tried (`importlib.machinery.all_suffixes`, extensions first). */
  #suffixes(): string[] {
    const { major, minor } = this.#options;
    return [...this.#program.once("python extension suffixes", () => {
      const { machine } = this.#program.elf ?? {};
      const platform = machine === 183 ? "aarch64" : machine === 62 ? "x86_64" : undefined;
      const own = platform === undefined ? [] : [`.cpython-${major}${minor}-${platform}-linux-gnu.so`];
      return [...own, ".abi3.so", ".so", ".py", ".pyc"];
    })];
  }

  #cacheFile(file: ByteString): ByteString {
    const { major, minor, optimize, cachePrefix } = this.#options;
    const folder = cachePrefix === undefined
      ? path`${dirname(file)}/__pycache__`
      : path`${cachePrefix}${dirname(file)}`;
    const level = optimize === 0 ? path`` : path`.opt-${Math.min(optimize, 2)}`;
    const stem = basename(file).replace(/\.py$/, "") as ByteString;
    return path`${folder}/${stem}.cpython-${major}${minor}${level}.pyc`;
  }

  /** Whether the bytecode was made of this source (PEP 552): by time and size, or by a hash that is not looked at. */
  #isValid(cached: ByteString, file: ByteString): boolean {
    const head = this.#program.disk.read(cached, { offset: 0, length: PYC_HEADER });
    const source = this.#program.disk.stat(file);
    if (head === undefined || head.length < PYC_HEADER || source === undefined) return false;
    const fields = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const flags = fields.getUint32(4, true);
    if ((flags & 1) !== 0) return (flags & 2) === 0;
    return fields.getUint32(8, true) === source.mtime >>> 0 && fields.getUint32(12, true) === source.size >>> 0;
  }
}

/** The absolute name of a module; undefined where it would be above the top. */
function resolve(module: string, level: number, packageName: string): string | undefined {
  if (level === 0) return module;
  const parts = packageName === "" ? [] : packageName.split(".");
  if (parts.length < level) return undefined;
  const base = parts.slice(0, parts.length - level + 1);
  return [...base, ...(module === "" ? [] : [module])].join(".");
}

function kindOf(suffix: string): Spec["kind"] {
  if (suffix === ".py") return "source";
  return suffix === ".pyc" ? "bytecode" : "extension";
}
