import type { ByteString } from "../bytes/mod.ts";
import type { Caller, Entry, NewNode, NodeId, Result } from "../fuse/mod.ts";
import { RENAME_EXCHANGE } from "../linux/mod.ts";
import {
  decodeStat,
  encodeLink,
  encodeMake,
  encodeName,
  encodeRename,
  encodeSymlink,
  FileOp,
} from "../protocol/mod.ts";
import type { Place } from "./nodes.ts";
import type { Tree } from "./tree.ts";
import type { WriteBehind } from "./write_behind.ts";

interface NewName {
  readonly parent: NodeId;
  readonly name: ByteString;
  /** renameat2 */
  readonly flags: number;
}

/**
 * Names that are made, moved and removed: behind the command's back where it is known how that ends ({@link WriteBehind}),
 * else by the local side's answer, which is asked when earlier changes there are made.
 */
export class NameChanges {
  readonly #tree: Tree;
  readonly #behind: WriteBehind;

  constructor(tree: Tree, behind: WriteBehind) {
    this.#tree = tree;
    this.#behind = behind;
  }

  symlink(parentId: NodeId, name: ByteString, target: ByteString, caller: Caller): Result<Entry> {
    const made = this.#behind.symlink(this.#tree.changeable(parentId), name, target, caller);
    return made ?? this.#symlink(parentId, name, target, caller);
  }

  async #symlink(parentId: NodeId, name: ByteString, target: ByteString, caller: Caller): Promise<Entry> {
    const ready = this.#tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const { parent, dir } = this.#tree.newName(parentId, name, caller);
    const reply = await this.#change(FileOp.SYMLINK, encodeSymlink({ dir, name, target }), { parent, name });
    return this.#tree.enter(parent, name, { stat: decodeStat(reply), target });
  }

  async mknod(parentId: NodeId, name: ByteString, node: NewNode & { rdev: number }, caller: Caller): Promise<Entry> {
    const ready = this.#tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const { parent, dir } = this.#tree.newName(parentId, name, caller);
    const reply = await this.#change(FileOp.MKNOD, encodeMake({ dir, name, ...node }), { parent, name });
    return this.#tree.enter(parent, name, { stat: decodeStat(reply) });
  }

  mkdir(parentId: NodeId, name: ByteString, node: NewNode, caller: Caller): Result<Entry> {
    const made = this.#behind.mkdir(this.#tree.changeable(parentId), name, node, caller);
    return made ?? this.#mkdir(parentId, name, node, caller);
  }

  async #mkdir(parentId: NodeId, name: ByteString, node: NewNode, caller: Caller): Promise<Entry> {
    const ready = this.#tree.ready([parentId], caller);
    if (ready !== undefined) await ready;
    const { parent, dir } = this.#tree.newName(parentId, name, caller);
    const body = encodeMake({ dir, name, rdev: 0, ...node });
    const reply = await this.#change(FileOp.MKDIR, body, { parent, name });
    return this.#tree.enter(parent, name, { stat: decodeStat(reply) });
  }

  unlink(parentId: NodeId, name: ByteString): Result<void> {
    this.#tree.keepOpen({ parent: this.#tree.node(parentId), name });
    if (!this.#behind.unlink(this.#tree.changeable(parentId), name)) return this.#unlink(parentId, name);
  }

  async #unlink(parentId: NodeId, name: ByteString): Promise<void> {
    await this.#tree.exclusively([{ parent: this.#tree.changeable(parentId), name }], async () => {
      const { parent, dir } = this.#tree.writableName(parentId, name);
      await this.#change(FileOp.UNLINK, encodeName({ dir, name }), { parent, name });
      this.#tree.nodes.unlinked(parent, name);
    });
  }

  rmdir(parentId: NodeId, name: ByteString): Result<void> {
    if (!this.#behind.rmdir(this.#tree.changeable(parentId), name)) return this.#rmdir(parentId, name);
  }

  async #rmdir(parentId: NodeId, name: ByteString): Promise<void> {
    await this.#tree.exclusively([{ parent: this.#tree.changeable(parentId), name }], async () => {
      const { parent, dir } = this.#tree.writableName(parentId, name);
      await this.#change(FileOp.RMDIR, encodeName({ dir, name }), { parent, name });
      const node = this.#tree.nodes.unlinked(parent, name);
      if (node !== undefined) node.isRemoved = true;
    });
  }

  rename(parentId: NodeId, name: ByteString, to: NewName): Result<void> {
    const from = { parent: this.#tree.changeable(parentId), name };
    const target = { parent: this.#tree.changeable(to.parent), name: to.name };
    this.#tree.keepOpen(from);
    this.#tree.keepOpen(target);
    if (this.#behind.rename(from, target, to.flags)) return;
    return this.#tree.exclusively([from, target], () => this.#rename(parentId, name, to));
  }

  async #rename(parentId: NodeId, name: ByteString, to: NewName): Promise<void> {
    const { parent, dir } = this.#tree.writableName(parentId, name);
    const { parent: toParent, dir: toDir } = this.#tree.writableName(to.parent, to.name);
    const body = encodeRename({ dir, name, toDir, toName: to.name, flags: to.flags });
    const changed = [{ parent, name }, { parent: toParent, name: to.name }] as const;
    await this.#change(FileOp.RENAME, body, ...changed);
    this.#tree.nodes.renamed(...changed, (to.flags & RENAME_EXCHANGE) !== 0);
  }

  link(nodeId: NodeId, parentId: NodeId, name: ByteString, caller: Caller): Result<Entry> {
    const node = this.#tree.changeable(nodeId);
    const linked = this.#behind.link(node, this.#tree.changeable(parentId), name, caller);
    return linked ?? this.#link(nodeId, parentId, name);
  }

  async #link(nodeId: NodeId, parentId: NodeId, name: ByteString): Promise<Entry> {
    const node = this.#tree.changeable(nodeId);
    const ready = this.#tree.ready([nodeId, parentId]);
    if (ready !== undefined) await ready;
    const { parent, dir: toDir } = this.#tree.writableName(parentId, name);
    const body = encodeLink({ ref: this.#tree.ref(node), toDir, toName: name });
    const stat = decodeStat(await this.#change(FileOp.LINK, body, { parent, name }));
    // ctime and the link count moved by our own doing.
    node.ctimeKnown = false;
    const entry = this.#tree.enter(parent, name, { stat, target: node.target });
    // What is known by its other names has one name more as well.
    this.#tree.tellNames(this.#tree.node(entry.nodeId), stat);
    return entry;
  }

  async #change(op: number, body: Uint8Array, ...places: readonly Place[]): Promise<Uint8Array> {
    return await this.#behind.proving(places[0].parent, this.#tree.change(op, body, ...places));
  }
}
