/** Whether `program` (a name without a slash) is a file in one of PATH's folders. */
export async function inPath(program: string): Promise<boolean> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    if (folder === "") continue;
    const info = await Deno.stat(`${folder}/${program}`).catch(() => undefined);
    if (info?.isFile) return true;
  }
  return false;
}
