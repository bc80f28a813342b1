import assert from "node:assert/strict";
import { programFiles } from "./program_imports.ts";

/** The part of `deno doc --json` that is used here. */
interface DocNode {
  name: string;
  kind: string;
  location: { filename: string; line: number };
  jsDoc?: { doc?: string };
  interfaceDef?: { properties: { jsDoc?: { doc?: string } }[] };
}

/**
 * Kinds that need a word of their own. A wrapper of a system call, an encoder or a constant is described where its
 * struct, its message or its table is: `deno doc --lint`, which wants a comment on each, would get filler.
 */
const documentedKinds = ["class", "interface", "typeAlias"];

const top = new URL("../../", import.meta.url);
const files = programFiles(top).filter((file) => file.startsWith("lib/"));
const modules = files.filter((file) => /^lib\/[^/]+\/mod\.ts$/.test(file));
const nodes = docNodes();

function docNodes(): DocNode[] {
  const args = ["doc", "--json", ...modules.map((file) => new URL(file, top).pathname)];
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  if (!success) throw new Error(`Cannot read the documentation: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)).nodes;
}

function fileOf(node: DocNode): string {
  return node.location.filename.slice(top.href.length);
}

/** By itself, or by its fields. */
function isDocumented({ jsDoc, interfaceDef }: DocNode): boolean {
  return Boolean(jsDoc?.doc) || (interfaceDef?.properties ?? []).some((property) => property.jsDoc?.doc);
}

Deno.test("every folder of lib/ has a mod.ts that says what the folder is for", () => {
  const described = nodes.filter((node) => node.kind === "moduleDoc" && node.jsDoc?.doc).map(fileOf);
  const needed = new Set(files.map((file) => `lib/${file.split("/")[1]}/mod.ts`));
  assert.deepEqual([...needed].filter((file) => !described.includes(file)), []);
});

Deno.test("every class and type that a mod.ts exports says what its name cannot", () => {
  const silent = nodes.filter((node) => documentedKinds.includes(node.kind) && !isDocumented(node));
  assert.deepEqual(silent.map((node) => `${node.name} (${fileOf(node)}:${node.location.line})`), []);
});
