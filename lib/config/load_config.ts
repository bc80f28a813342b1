import * as ini from "ini";
import { type CacheConfig, type Config, defaultConfig } from "./config.ts";

/** The configuration file cannot be used; the message is one line for the user. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

type Settings = Record<string, unknown>;

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^[0-9]+$/.test(value) || !Number.isSafeInteger(number) || number === 0) {
    throw new RangeError("needs a whole number above 0");
  }
  return number;
}

function folder(value: string): string {
  if (!/^(~$|~\/|\/)/.test(value)) throw new RangeError('needs a path that begins with "/" or "~/"');
  return value;
}

/** How each setting of the section [cache] is read. */
const cacheSettings: Record<string, (value: string) => Partial<CacheConfig>> = {
  path: (value) => ({ path: folder(value) }),
  max_entries: (value) => ({ maxEntries: wholeNumber(value) }),
  max_size: (value) => ({ maxSize: wholeNumber(value) }),
};

/** Reads the text of a configuration file; `file` is its name for messages. Throws ConfigError. */
export function parseConfig(text: string, file: string): Config {
  let cache = defaultConfig.cache;
  const known = `[cache] has ${Object.keys(cacheSettings).join(", ")}`;
  for (const [section, settings] of Object.entries(ini.parse(text) as Settings)) {
    if (!isSection(settings)) throw cannotUse(`${section} = ${settings}`, file, `stands in no section; ${known}`);
    if (section !== "cache") throw cannotUse(`[${section}]`, file, `unknown section; ${known}`);
    for (const [key, value] of Object.entries(settings)) {
      const line = isSection(value) ? `[${section}.${key}]` : `${key} = ${value}`;
      if (!Object.hasOwn(cacheSettings, key)) throw cannotUse(line, file, `unknown setting; ${known}`);
      try {
        cache = { ...cache, ...cacheSettings[key](String(value)) };
      } catch (error) {
        throw cannotUse(line, file, `${key} ${(error as Error).message}`);
      }
    }
  }
  return { cache };
}

function isSection(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function cannotUse(line: string, file: string, state: string): ConfigError {
  return new ConfigError(`Cannot use ${JSON.stringify(line)} in ${JSON.stringify(file)}: ${state}`);
}

/**
 * Reads the configuration: `file` where the user named one, which then must be there; else `~/.outrun/config`, which
 * need not be. Throws ConfigError.
 */
export function loadConfig(file: string | undefined, home: string | undefined): Config {
  const path = file ?? (home ? `${home}/.outrun/config` : undefined);
  if (path === undefined) return defaultConfig;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound && file === undefined) return defaultConfig;
    throw new ConfigError(`Cannot read the configuration ${JSON.stringify(path)}: ${reason(cause)}`, { cause });
  }
  return parseConfig(text, path);
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file; name another with --config";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; make it readable or name another with --config";
  }
  return `${(error as Error).message}; name another file with --config`;
}
