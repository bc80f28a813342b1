/** Limits and place of the cache that the agent keeps. */
export interface CacheConfig {
  /** A folder on the agent's machine: absolute, or below the home there ("~/…"). Undefined: the user's cache folder. */
  readonly path: string | undefined;
  /** Blobs at most: chunks of files, 1 MiB or less each. */
  readonly maxEntries: number;
  /** Bytes at most. */
  readonly maxSize: number;
}

/** All settings of the configuration file. */
export interface Config {
  readonly cache: CacheConfig;
}

/**
 * The settings where the file says nothing. The size is that of the original outrun; its 1024 entries were whole files,
 * while ours are chunks of at most 1 MiB, of which two large programs need as many: so it is the size that limits.
 */
export const defaultConfig: Config = {
  cache: { path: undefined, maxEntries: 65_536, maxSize: 20 * 1024 ** 3 },
};
