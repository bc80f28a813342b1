/** Outrun's own cache folder on this machine: `$XDG_CACHE_HOME/outrun`, else below `~/.cache`; undefined without a home. */
export function cacheFolder(): string | undefined {
  // A relative path is to be ignored (XDG base directory specification).
  const base = Deno.env.get("XDG_CACHE_HOME");
  if (base?.startsWith("/")) return `${base}/outrun`;
  const home = Deno.env.get("HOME");
  return home?.startsWith("/") ? `${home}/.cache/outrun` : undefined;
}

/** Makes `path` by way of a private file beside it, so that no reader ever sees half of it. */
export async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  try {
    await write(temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}
