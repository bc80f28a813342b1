/**
 * Extended attributes. Most are asked for in vain: an ACL of every file that `ls -l` shows and of every directory that is
 * searched, `security.capability` at the first write to a file. The names of those that a file has come with its
 * attributes, so as long as these are believed, such a question costs no round trip.
 */
import { type ByteString, byteString, toBytes } from "../bytes/mod.ts";
import type { NewXattr, Result } from "../fuse/mod.ts";
import { Errno, ErrnoError } from "../linux/mod.ts";
import { decodeStat, encodeRef, encodeSetXattr, encodeXattrRef, FileOp } from "../protocol/mod.ts";
import { RpcError } from "../rpc/mod.ts";
import { type HasId, withoutStrangers } from "./acl.ts";
import type { Node } from "./nodes.ts";
import type { Tree } from "./tree.ts";

/** Names that a file system lists if it has them; there are others that it answers to without listing them. */
const listed = /^(system\.posix_acl_|security\.)/;
const acl = /^system\.posix_acl_/;
/** Root's, which nobody in a user namespace can read: the local kernel would not list them either. */
const hidden = /(^|(?<=\0))trusted\.[^\0]*\0/g;

/** Made once: thrown for every file of a listing. */
const noData = new ErrnoError(Errno.ENODATA, "find an extended attribute");
const nothing = new Uint8Array();

/** The extended attributes of the local side's files. */
export class ExtendedAttributes {
  readonly #tree: Tree;
  readonly #exists: HasId;

  /** `exists`: whether there is a user or group of that id where the files are shown. */
  constructor(tree: Tree, exists: HasId) {
    this.#tree = tree;
    this.#exists = exists;
  }

  get(node: Node, name: ByteString): Result<Uint8Array> {
    if (isOverlay(node)) throw noData;
    const names = this.#knownNames(node);
    if (names !== undefined && listed.test(name) && !has(names, name)) throw noData;
    return this.#ask(node, name);
  }

  list(node: Node): Result<Uint8Array> {
    if (isOverlay(node)) return nothing;
    const names = this.#knownNames(node);
    return names === undefined ? this.#askNames(node) : visible(names);
  }

  async set(node: Node, name: ByteString, xattr: NewXattr): Promise<void> {
    if (node.pending > 0) await this.#tree.log.settled(node);
    const body = encodeSetXattr({ ref: this.#tree.openRef(node), name, ...xattr });
    if (acl.test(name) && await this.#namesStrangers(node, name)) {
      throw new ErrnoError(Errno.EOPNOTSUPP, "set an ACL in place of one that cannot be shown whole");
    }
    await this.#change(node, this.#tree.ask(FileOp.SETXATTR, body));
  }

  async remove(node: Node, name: ByteString): Promise<void> {
    if (node.pending > 0) await this.#tree.log.settled(node);
    const body = encodeXattrRef({ ref: this.#tree.openRef(node), name });
    await this.#change(node, this.#tree.ask(FileOp.REMOVEXATTR, body));
  }

  /** Whether somebody would be lost from the ACL by setting what was made of the one that could be read. */
  async #namesStrangers(node: Node, name: ByteString): Promise<boolean> {
    const names = this.#knownNames(node);
    if (names !== undefined && !has(names, name)) return false;
    const body = encodeXattrRef({ ref: this.#tree.openRef(node), name });
    const present = await this.#tree.ask(FileOp.GETXATTR, body).catch(() => nothing);
    return withoutStrangers(present, this.#exists) !== present;
  }

  async #ask(node: Node, name: ByteString): Promise<Uint8Array> {
    if (node.pending > 0) await this.#tree.log.settled(node);
    try {
      const value = await this.#tree.ask(FileOp.GETXATTR, encodeXattrRef({ ref: this.#tree.openRef(node), name }));
      return acl.test(name) ? withoutStrangers(value, this.#exists) : value;
    } catch (error) {
      // To the kernel, which asks to check permissions, any other errno is a file that nobody may use.
      const unsupported = error instanceof RpcError && error.errno === Errno.EOPNOTSUPP;
      throw unsupported && acl.test(name) ? noData : error;
    }
  }

  async #askNames(node: Node): Promise<Uint8Array> {
    if (node.pending > 0) await this.#tree.log.settled(node);
    const names = await this.#tree.ask(FileOp.LISTXATTR, encodeRef(this.#tree.openRef(node)));
    return visible(byteString(names));
  }

  async #change(node: Node, reply: Promise<Uint8Array>): Promise<void> {
    // What is told from here on may be from before.
    node.outdate();
    try {
      const attr = decodeStat(await reply);
      // Somebody else's change of the content is still to be found by the next lookup.
      if (node.isForeignChange(attr)) node.outdate();
      else node.update(attr);
    } catch (error) {
      node.outdate();
      throw error;
    }
  }

  #knownNames(node: Node): ByteString | undefined {
    // What we are making has none that anybody could have set.
    const isKnown = node.pending > 0 || node.isRefreshing || this.#tree.attrValid(node) > 0;
    return isKnown ? node.attr.xattrNames : undefined;
  }
}

function isOverlay(node: Node): boolean {
  return node.overlay?.attr !== undefined;
}

function has(names: ByteString, name: ByteString): boolean {
  return names.startsWith(`${name}\0`) || names.includes(`\0${name}\0`);
}

function visible(names: ByteString): Uint8Array {
  return names === "" ? nothing : toBytes(names.replaceAll(hidden, "") as ByteString);
}
