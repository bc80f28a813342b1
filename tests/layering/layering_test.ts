import assert from "node:assert/strict";
import { allowedImports, ffiFolder } from "./allowed_imports.ts";
import { type Import, programFiles, programImports } from "./program_imports.ts";

const top = new URL("../../", import.meta.url);
const files = programFiles(top);
const imports = programImports(files, top);

function isAllowed({ from, to, types }: Import): boolean {
  const kind = allowedImports[from]?.[to];
  return kind === "all" || (kind === "types" && types);
}

Deno.test("lib/ and main.ts import only what allowed_imports.ts allows", () => {
  const denied = imports.filter((edge) => !isAllowed(edge));
  assert.deepEqual(denied.map((edge) => `${edge.file} imports "${edge.specifier}": ${edge.from} → ${edge.to}`), []);
});

Deno.test("allowed_imports.ts has a row for every folder of lib/, and allows nothing that no file does", () => {
  const folders = new Set(files.map((file) => file === "main.ts" ? "main" : file.split("/")[1]));
  assert.deepEqual(Object.keys(allowedImports).sort(), [...folders].sort());
  const used = new Set(imports.map(({ from, to }) => `${from} → ${to}`));
  const allowed = Object.entries(allowedImports).flatMap(([from, row]) =>
    Object.keys(row).map((to) => `${from} → ${to}`)
  );
  assert.deepEqual(allowed.filter((edge) => !used.has(edge)), []);
});

Deno.test("allowed_imports.ts lists a folder below all that it may import", () => {
  const above = new Set<string>();
  for (const [folder, row] of Object.entries(allowedImports)) {
    const folders = Object.keys(row).filter((name) => name in allowedImports);
    assert.deepEqual(folders.filter((name) => !above.has(name)), [], `${folder} imports what does not stand above it`);
    above.add(folder);
  }
});

Deno.test(`lib/${ffiFolder} alone loads libraries and handles raw pointers`, () => {
  const offenders = files.filter((file) =>
    !file.startsWith(`lib/${ffiFolder}/`) &&
    /\bDeno\s*\.\s*(dlopen|Unsafe)/.test(Deno.readTextFileSync(new URL(file, top)))
  );
  assert.deepEqual(offenders, []);
});
