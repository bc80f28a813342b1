import { type ByteString, fromText } from "../../bytes/mod.ts";
import { dirname, path } from "../paths.ts";
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

/** The user's own, in the home directory and, for one, in the working directory. */
const ldap = ["ldaprc", ".ldaprc"];

/** Where distributions and the project itself keep OpenSSL's configuration; it knows only one of them. */
const openssl = ["/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"].map(fromText);

const opensslUsers = ["SSL_CTX_new", "OPENSSL_init_crypto", "EVP_CIPHER_CTX_new", "EVP_DigestInit_ex"];

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
    if (program.libraries?.has("libldap")) wantLdap(program);
    if (program.libraries?.has("libsasl2.so")) wantSasl(program);
    if (program.libraries?.has("libcrypto.so") && program.libraries.uses(...opensslUsers)) wantOpenssl(program);
  },
};

/** OpenSSL's configuration, for its library and for programs that contain it. */
export function wantOpenssl(program: Program): void {
  const configured = program.nonEmpty("OPENSSL_CONF");
  for (const file of configured === undefined ? openssl : [configured]) if (program.content(file)) return;
}

function wantLdap(program: Program): void {
  const home = program.nonEmpty("HOME");
  program.content(path`/etc/ldap/ldap.conf`);
  if (home !== undefined) { for (const name of ldap) program.content(path`${home}/${fromText(name)}`); }
  program.content(fromText(ldap[0]));
}

/** All of its plug-ins are loaded. */
function wantSasl(program: Program): void {
  const folder = path`${dirname(program.libraries?.find("libsasl2.so") ?? path``)}/sasl2`;
  for (const name of program.listing(folder) ?? []) {
    if (name.endsWith(".so")) program.libraries?.open(path`${folder}/${name}`);
  }
}
