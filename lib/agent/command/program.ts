import { type ByteString, fromText } from "../../bytes/mod.ts";
import { CARRIED_LIBRARY, setCloseOnExec, type SpawnOptions, useCarriedLibrary } from "../../linux/mod.ts";

/** The last argument of an agent, and of its runner, that came with a loader and a C library of their own. */
const CARRIED = "--carried";

/** This program as the runner is to start it, on the stage. */
export interface Program {
  /** Its files, and where on the stage they are needed. Readable and executable for everybody. */
  readonly parts: readonly { readonly source: ByteString; readonly target: ByteString }[];
  /** The runner's argv. */
  readonly runner: readonly string[];
  /** Descriptors that it must have. */
  readonly fds: SpawnOptions["fds"];
}

/** Makes lib/linux take the C library that this process was started with. To be called before all else. */
export function prepareLibrary(args: readonly string[]): void {
  if (!args.includes(CARRIED)) return;
  useCarriedLibrary();
  setCloseOnExec(CARRIED_LIBRARY);
}

/**
 * The program that this process runs: one file, or where it was carried to a machine without a C library, the folder that
 * lib/ssh/install_script.ts made: started by the loader `outrun`, which holds the payload too.
 */
export function ownProgram(args: readonly string[]): Program {
  const executable = Deno.execPath();
  const onStage = (source: string, name: string) => ({ source: fromText(source), target: fromText(`/tmp/${name}`) });
  if (!args.includes(CARRIED)) {
    return { parts: [onStage(executable, "outrun")], runner: ["/tmp/outrun", "runner"], fds: [] };
  }
  const folder = executable.slice(0, executable.lastIndexOf("/"));
  const libraries = [...Deno.readDirSync(`${folder}/lib`)].map(({ name }) => onStage(`${folder}/lib/${name}`, name));
  return {
    parts: [onStage(executable, "outrun"), onStage(`${folder}/base`, "base"), ...libraries],
    runner: ["/tmp/outrun", "--library-path", "/tmp", "/tmp/base", "runner", CARRIED],
    fds: [[CARRIED_LIBRARY, CARRIED_LIBRARY]],
  };
}
