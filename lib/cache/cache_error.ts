/** The cache cannot be used, or a content cannot be kept in it. One line; the caller goes on without. */
export class CacheError extends Error {
  override name = "CacheError";
}
