/**
 * All tests of those folders of tests/unit that are named behind `--`, in one worker:
 *
 *     scripts/deno test -A tests/unit/together.ts -- bytes cli
 *
 * Deno takes half a second of a processor to begin with each file that it is told of, which is as much as the tests of
 * half of them take; here that is done once. What is said of a test that fails names its file all the same. Those of
 * apart.ts are left to whoever runs all tests.
 *
 * @module
 */
import { apart } from "./apart.ts";

/** All files of tests in a folder and below, in the order of their names. */
function testsIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(new URL(`${folder}/`, import.meta.url))].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  return entries.flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return testsIn(path);
    return name.endsWith("_test.ts") && !apart.includes(path) ? [path] : [];
  });
}

for (const path of Deno.args.flatMap(testsIn)) await import(new URL(path, import.meta.url).href);
