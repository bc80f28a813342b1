import { fromText } from "../bytes/mod.ts";
import { effectiveUser, statPath } from "../linux/mod.ts";

/** What others must not be able to do with what is remembered: change it. */
const WRITABLE_BY_OTHERS = 0o022;

/** Where something is kept between sessions. */
export interface StatePlace {
  /** Of the XDG base directory specification. */
  readonly variable: "XDG_STATE_HOME" | "XDG_CACHE_HOME";
  /** In its place, below $HOME. */
  readonly inHome: ".local/state" | ".cache";
  /** Below either: `outrun` or `outrun/traces`. */
  readonly name: string;
}

/** The path of a place; undefined without a home. */
export function stateFolder({ variable, inHome, name }: StatePlace): string | undefined {
  // A relative path is to be ignored (XDG base directory specification).
  const base = absolute(variable);
  if (base !== undefined) return `${base}/${name}`;
  const home = absolute("HOME");
  return home === undefined ? undefined : `${home}/${inHome}/${name}`;
}

function absolute(variable: string): string | undefined {
  try {
    const value = Deno.env.get(variable);
    return value?.startsWith("/") ? value : undefined;
  } catch {
    // Not UTF-8: Deno's file API could not use it either.
    return undefined;
  }
}

/**
 * Whether what is kept at `path` can be believed: it is this user's, and nobody else can write to it. False where there
 * is nothing.
 */
export function isOwn(path: string): boolean {
  const stat = statPath(fromText(path));
  return typeof stat !== "number" && stat.uid === effectiveUser() && (stat.mode & WRITABLE_BY_OTHERS) === 0;
}

/**
 * Makes the folder, for this user alone, unless it is there; throws when it cannot be made or is not {@link isOwn our
 * own}. Root makes nothing in the home of another user (sudo keeps $HOME), who could not write to it later.
 */
export function makeOwnFolder(path: string): void {
  if (typeof statPath(fromText(path)) === "number") {
    if (effectiveUser() === 0 && !isRoots(path)) {
      throw new Error(`Cannot make "${path}": it is in another user's folder`);
    }
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  if (!isOwn(path)) throw new Error(`Cannot use "${path}": others could change it`);
}

/** Whether the nearest folder above `path` that exists is root's. */
function isRoots(path: string): boolean {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const stat = statPath(fromText(path.slice(0, end)));
    if (typeof stat !== "number") return stat.uid === 0;
  }
  return true;
}
