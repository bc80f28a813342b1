import { type ByteString, fromText } from "../../bytes/mod.ts";
import { path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** What libraries look for as soon as they are loaded or first used, by the beginning of their name. */
const table: Readonly<Record<string, readonly ByteString[]>> = {
  "libselinux.so": [path`/selinux`, path`/etc/selinux/config`],
  "libgcrypt.so": [path`/etc/gcrypt/fips_enabled`, path`/etc/gcrypt/hwf.deny`, path`/etc/gcrypt/random.conf`],
  "libgnutls.so": [path`/etc/gnutls/config`, path`/etc/crypto-policies/back-ends/gnutls.config`],
  "libkrb5.so": [path`/etc/krb5.conf`],
  "libp11-kit.so": [path`/etc/pkcs11/pkcs11.conf`],
  "libjemalloc.so": [path`/etc/malloc.conf`],
};

/** Where distributions and the project itself keep OpenSSL's configuration; it knows only one of them. */
const openssl = ["/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"].map(fromText);

/** Configuration of libraries that nearly every program using them reads. */
export const libraryFilesRule: Rule = {
  name: "library files",

  applies(program: Program): boolean {
    return program.libraries !== undefined;
  },

  plan(program: Program): void {
    for (const [prefix, files] of Object.entries(table)) {
      if (program.libraries?.has(prefix)) { for (const file of files) program.content(file); }
    }
    if (program.libraries?.has("libcrypto.so") && program.libraries.has("libssl.so")) wantOpenssl(program);
  },
};

/** OpenSSL's configuration, for its library and for programs that contain it. */
export function wantOpenssl(program: Program): void {
  const configured = program.nonEmpty("OPENSSL_CONF");
  for (const file of configured === undefined ? openssl : [configured]) if (program.content(file)) return;
}
