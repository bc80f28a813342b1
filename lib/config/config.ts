/** Limits and place of the cache that the agent keeps. */
export interface CacheConfig {
  /** A folder on the agent's machine: absolute, or below the home there ("~/…"). Undefined: the user's cache folder. */
  readonly path: string | undefined;
  /** Files at most. */
  readonly maxEntries: number;
  /** Bytes at most. */
  readonly maxSize: number;
}

/** All settings of the configuration file. */
export interface Config {
  readonly cache: CacheConfig;
}

/** The settings where the file says nothing: those of the original outrun, whose cache lived in `~/.outrun/cache`. */
export const defaultConfig: Config = {
  cache: { path: undefined, maxEntries: 1024, maxSize: 20 * 1024 ** 3 },
};
