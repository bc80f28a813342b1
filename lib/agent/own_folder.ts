/** Where this program lies on this machine, in its login's hands: the folder of its file, or of the folder it was carried in. */
export function ownFolder(): string {
  return Deno.execPath().replace(/(\/carried-[0-9a-f]{64})?\/[^/]*$/, "");
}
