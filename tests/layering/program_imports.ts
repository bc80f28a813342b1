/** One import by a file of the program of something outside its own folder; Deno's and node's own modules are left out. */
export interface Import {
  /** Relative to the top of the repository. */
  readonly file: string;
  /** As the file writes it. */
  readonly specifier: string;
  /** The importing and the imported folder of lib/ ("main" for main.ts), "npm:name", or else the whole specifier. */
  readonly from: string;
  readonly to: string;
  /** Types alone: nothing is imported at run time. */
  readonly types: boolean;
}

/** The part of `deno info --json` that is used here. */
interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string; error?: string };
      type?: { specifier?: string };
    }[];
  }[];
}

/** main.ts and every TypeScript file of lib/, relative to `top`. */
export function programFiles(top: URL): string[] {
  const files = ["main.ts"];
  const folders = ["lib"];
  for (const folder of folders) {
    for (const entry of Deno.readDirSync(new URL(folder, top))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) folders.push(path);
      else if (path.endsWith(".ts")) files.push(path);
    }
  }
  return files.sort();
}

/** What `deno info` says about a module that imports all of `files`. */
function info(files: string[], top: URL): Info {
  const entry = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    Deno.writeTextFileSync(entry, files.map((file) => `import ${JSON.stringify(new URL(file, top).href)};\n`).join(""));
    const args = ["info", "--json", "--config", new URL("deno.json", top).pathname, entry];
    const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
    if (!success) throw new Error(`Cannot read the imports: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    Deno.removeSync(entry);
  }
}

function folderOf(specifier: string, top: URL): string {
  if (specifier.startsWith("npm:")) return specifier.replace(/^npm:\/?(@?[^@]+).*$/, "npm:$1");
  const path = specifier.startsWith(top.href) ? specifier.slice(top.href.length) : specifier;
  return /^lib\/([^/]+)\//.exec(path)?.[1] ?? (path === "main.ts" ? "main" : path);
}

/** The imports of `files` that leave their own folder. */
export function programImports(files: string[], top: URL): Import[] {
  const own = new Set(files.map((file) => new URL(file, top).href));
  const imports: Import[] = [];
  for (const { specifier: file, error, dependencies = [] } of info(files, top).modules) {
    if (!own.has(file)) continue;
    if (error !== undefined) throw new Error(`Cannot read the imports of "${file}": ${error}`);
    for (const { specifier, code, type } of dependencies) {
      const target = code?.specifier ?? type?.specifier ?? specifier;
      const [from, to] = [folderOf(file, top), folderOf(target, top)];
      if (from === to || target.startsWith("node:")) continue;
      imports.push({ file: file.slice(top.href.length), specifier, from, to, types: code === undefined });
    }
  }
  return imports;
}
