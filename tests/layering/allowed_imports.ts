/**
 * Which folder of lib/ may import which, and which npm packages: everything else is denied. "types" allows only
 * `import type`, which is gone at run time. Ordered from the ground up; a folder imports only what stands above it.
 */
export const allowedImports: Record<string, Record<string, "all" | "types">> = {
  bytes: {},
  log: {},
  linux: { bytes: "all" },
  // The local side only.
  rpc: { bytes: "all" },
  protocol: { bytes: "all", linux: "types" },
  config: { "npm:ini": "all" },
  compression: { "npm:lz4-wasm-nodejs": "all" },
  cli: { "deno.json": "all", "npm:commander": "all" },
  ssh: { bytes: "all", linux: "all", log: "all" },
  cache: { bytes: "all", linux: "all", log: "all" },
  prefetch: { bytes: "all", linux: "all", log: "all", protocol: "all" },
  fuse: { bytes: "all", linux: "all", log: "all" },
  fileserver: { bytes: "all", compression: "all", linux: "all", log: "all", protocol: "all", rpc: "all" },
  agent: {
    bytes: "all",
    cache: "all",
    compression: "all",
    fuse: "all",
    linux: "all",
    log: "all",
    protocol: "all",
    rpc: "all",
  },
  session: {
    bytes: "all",
    config: "types",
    // What the user asked for, and the exit statuses.
    cli: "all",
    fileserver: "all",
    linux: "all",
    log: "all",
    prefetch: "all",
    protocol: "all",
    rpc: "all",
    ssh: "all",
  },
  main: { agent: "all", cli: "all", config: "all", log: "all", session: "all" },
};

/** The only folder that may load a library or handle raw pointers. */
export const ffiFolder = "linux";
