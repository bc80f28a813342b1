import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, join, path } from "../paths.ts";
import type { Program } from "../program.ts";

const MAX_MODULES = 1500;
/** `require("x")`, `import("x")`, `import … from "x"`, `export … from "x"`, `import "x"`. */
const specifiers =
  /\b(?:require|import)[ \t]*\([ \t]*['"]([^'"\n]+)['"][ \t]*\)|\b(?:from|import)[ \t]*['"]([^'"\n]+)['"]/g;
const EXTENSIONS = [".js", ".json", ".node"].map(fromText);
const CONDITIONS = ["node", "require", "import", "default"];

/** Part of a package.json. */
interface Package {
  readonly main?: unknown;
  readonly exports?: unknown;
}

/** Loads modules as node does, as far as files are concerned, and what these load, depth first, each once. */
export class NodeModules {
  readonly #program: Program;
  readonly #loaded = new Set<ByteString>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** Loads the module that is the file or folder at `file`; an extension may be missing. */
  load(file: ByteString): void {
    const found = this.#find(file);
    if (found === undefined || this.#loaded.has(found) || this.#loaded.size >= MAX_MODULES) return;
    this.#loaded.add(found);
    // Links are followed: a module is known by its real path.
    const real = this.#program.disk.realPath(found) ?? found;
    this.#wantScope(dirname(real));
    this.#program.content(found);
    if (/\.(?:node|json)$/.test(found)) return;
    this.run(this.#program.disk.readSource(real) ?? "", dirname(real));
  }

  /** Loads what source in a folder loads. */
  run(source: string, folder: ByteString): void {
    for (const [, called, from] of source.matchAll(specifiers)) this.#resolve((called ?? from) as ByteString, folder);
  }

  #resolve(specifier: ByteString, folder: ByteString): void {
    if (/^(?:\.{0,2}\/|\.{1,2}$)/.test(specifier)) this.load(this.#program.disk.normalize(join(folder, specifier)));
    else if (/^(?:@[\w.~-]+\/)?[\w.~-]+(?:\/[\w.@~/-]*)?$/.test(specifier)) this.#loadPackage(specifier, folder);
  }

  /** `node_modules` of every folder up to the root. Modules that are part of node are nowhere to be found. */
  #loadPackage(specifier: ByteString, start: ByteString): void {
    const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)\/?(.*)$/.exec(specifier) as unknown as ByteString[];
    if (builtIn.has(name)) return;
    for (let folder = start;; folder = dirname(folder)) {
      const home = join(folder, path`node_modules/${name}`);
      if (!folder.endsWith("/node_modules") && this.#program.name(home)) {
        const described = this.#readPackage(home);
        const exported = exportOf(described?.exports, rest === "" ? "." : `./${rest}`);
        if (exported !== undefined) this.load(this.#program.disk.normalize(join(home, exported as ByteString)));
        else this.load(rest === "" ? home : path`${home}/${rest}`);
        return;
      }
      if (folder === "/") return;
    }
  }

  /** LOAD_AS_FILE, then LOAD_AS_DIRECTORY of the documentation. */
  #find(file: ByteString): ByteString | undefined {
    const { disk } = this.#program;
    this.#program.name(file);
    if (disk.isFile(file)) return file;
    for (const extension of EXTENSIONS) {
      if (this.#program.name(path`${file}${extension}`)) return path`${file}${extension}`;
    }
    if (!disk.isDirectory(file)) return undefined;
    const main = this.#readPackage(file)?.main;
    if (typeof main === "string") {
      const target = disk.normalize(join(file, main as ByteString));
      if (target !== file && !disk.isDirectory(target)) return this.#find(target);
      if (target !== file && this.#program.name(path`${target}/index.js`)) return path`${target}/index.js`;
    }
    for (const extension of EXTENSIONS) {
      const index = path`${file}/index${extension}`;
      if (this.#program.name(index)) return index;
    }
    return undefined;
  }

  /** The package.json that says what kind of module it is: the nearest one up to a node_modules folder. */
  #wantScope(start: ByteString): void {
    for (let folder = start; !folder.endsWith("/node_modules"); folder = dirname(folder)) {
      if (this.#program.content(join(folder, path`package.json`)) || folder === "/") return;
    }
  }

  #readPackage(folder: ByteString): Package | undefined {
    const file = path`${folder}/package.json`;
    this.#program.content(file);
    const text = this.#program.disk.readText(file);
    try {
      const parsed = text === undefined ? undefined : JSON.parse(text);
      return typeof parsed === "object" && parsed !== null ? parsed : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a package's `exports` says for a path in it, patterns left out. */
function exportOf(exports: unknown, subpath: string, depth = 0): string | undefined {
  if (typeof exports === "string") return subpath === "." ? exports : undefined;
  if (typeof exports !== "object" || exports === null || depth > 8) return undefined;
  const entries = exports as Record<string, unknown>;
  if (subpath in entries) return exportOf(entries[subpath], ".", depth + 1);
  if (Object.keys(entries).some((key) => key.startsWith("."))) return undefined;
  for (const condition of CONDITIONS) {
    const found = exportOf(entries[condition], subpath, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const builtIn = new Set(
  ("assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events " +
    "fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream " +
    "string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib").split(" "),
);
