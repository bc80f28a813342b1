/** Whether `program` is a file: in one of PATH's folders, or where its name has a slash, there. */
export async function inPath(program: string): Promise<boolean> {
  const folders = program.includes("/") ? [""] : (Deno.env.get("PATH") ?? "").split(":").filter((it) => it !== "");
  for (const folder of folders) {
    const path = folder === "" ? program : `${folder}/${program}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile) return true;
  }
  return false;
}
