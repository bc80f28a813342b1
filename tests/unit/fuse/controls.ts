import type { ByteString } from "../../../lib/bytes/mod.ts";
import { encodeDelete, encodeInvalEntry, encodeInvalInode, encodeStore } from "../../../lib/fuse/mod.ts";
import { S_IFREG } from "../../../lib/linux/mod.ts";
import { type MemoryFileSystem, name, type Node } from "./memory_file_system.ts";

const victimName = name("victim");
const encoder = new TextEncoder();

/** Changes the file `victim` behind the kernel's back, or tells the kernel of it, by commands that are plain names. */
export class Controls {
  readonly #fileSystem: MemoryFileSystem;
  readonly #victim: Node;

  constructor(fileSystem: MemoryFileSystem) {
    this.#fileSystem = fileSystem;
    this.#victim = fileSystem.addFile(victimName, encoder.encode("old\n"));
  }

  /** Obeys; returns the message for the kernel, if there is to be one. */
  obey(command: ByteString): Uint8Array<ArrayBuffer> | undefined {
    const { root } = this.#fileSystem;
    const { id } = this.#victim;
    switch (command as string) {
      case "change-attr":
        this.#victim.attr = { ...this.#victim.attr, mode: S_IFREG | 0o600 };
        return undefined;
      case "change-data":
        this.#victim.data = encoder.encode("new\n");
        return undefined;
      case "change-entry":
        this.#fileSystem.addFile(victimName, encoder.encode("other\n"));
        return undefined;
      case "change-delete":
        root.children.delete(victimName);
        return undefined;
      case "notify-attr":
        return encodeInvalInode(id);
      case "notify-data":
        return encodeInvalInode(id, { offset: 0, length: 0 });
      case "notify-entry":
        return encodeInvalEntry(root.id, victimName);
      case "notify-expire":
        return encodeInvalEntry(root.id, victimName, { expireOnly: true });
      case "notify-delete":
        return encodeDelete(root.id, id, victimName);
      case "notify-store":
        return encodeStore(id, 1, encoder.encode("in"));
    }
  }
}
