import type { ByteString } from "../bytes/mod.ts";

/**
 * A byte string from a template: `` path`${folder}/os.py` ``. The literal parts are ASCII, so the result is bytes when
 * the values are; plain text is kept out by its type.
 */
export function path(parts: TemplateStringsArray, ...values: (ByteString | number)[]): ByteString {
  return String.raw({ raw: parts }, ...values) as ByteString;
}

/** What stands before the last slash; "/" for a name in the root, "." for a name without a slash. */
export function dirname(name: ByteString): ByteString {
  const slash = name.lastIndexOf("/");
  if (slash < 0) return path`.`;
  return (slash === 0 ? "/" : name.slice(0, slash)) as ByteString;
}

/** What stands after the last slash. */
export function basename(name: ByteString): ByteString {
  return name.slice(name.lastIndexOf("/") + 1) as ByteString;
}

/** `name` in `folder`, or `name` itself where it is absolute. */
export function join(folder: ByteString, name: ByteString): ByteString {
  if (name.startsWith("/")) return name;
  return (folder === "/" ? `/${name}` : `${folder}/${name}`) as ByteString;
}

/** `text` cut at every `separator`, or match of it. */
export function split(text: ByteString, separator: string | RegExp): ByteString[] {
  return text.split(separator) as ByteString[];
}
