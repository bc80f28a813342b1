/** The SHA-256 of a content, as 64 lower-case hexadecimal digits. */
export type Digest = string;

const pattern = /^[0-9a-f]{64}$/;

/** Digests come from the other side and become names of files: anything else must not get that far. */
export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}
