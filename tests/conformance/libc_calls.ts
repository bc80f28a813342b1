/**
 * What the cases call and the program does not, so that lib/linux has it not. Loaded by the test program alone.
 */
const B = "buffer";
const I = "i32";
const L = "i64";
const Z = "usize";

const table = {
  flock: { parameters: [I, I], result: I },
  fcntl: { parameters: [I, I, B], result: I },
  truncate64: { parameters: [B, L], result: I },
  sendfile64: { parameters: [I, I, B, L], result: I },
  lgetxattr: { parameters: [B, B, B, L], result: I },
  lsetxattr: { parameters: [B, B, B, L, I], result: I },
  fgetxattr: { parameters: [I, B, B, L], result: I },
  fsetxattr: { parameters: [I, B, B, L, I], result: I },
  llistxattr: { parameters: [B, B, L], result: I },
  mmap64: { parameters: [Z, L, I, I, I, L], result: L },
  munmap: { parameters: [Z, L], result: I },
  msync: { parameters: [Z, L, I], result: I },
  copyIn: { name: "memcpy", parameters: [B, Z, L], result: Z },
  copyOut: { name: "memcpy", parameters: [Z, B, L], result: Z },
} as const satisfies Deno.ForeignLibraryInterface;

type Widened<F> = F extends (...parameters: infer P) => infer R
  ? (...parameters: { [K in keyof P]: P[K] extends bigint ? number | bigint : P[K] }) => R
  : F;
type Symbols = Deno.DynamicLibrary<typeof table>["symbols"];

let loaded: { readonly [K in keyof Symbols]: Widened<Symbols[K]> } | undefined;

/** The functions, loaded on first use. */
export function calls(): NonNullable<typeof loaded> {
  return loaded ??= Deno.dlopen("libc.so.6", table).symbols as unknown as NonNullable<typeof loaded>;
}
