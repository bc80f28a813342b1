import { type ByteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import type { Disk, FileStat, Range } from "../../../lib/prefetch/mod.ts";
import { dirname, join, split } from "../../../lib/prefetch/paths.ts";

/** What is at a path: a file's content, a link's target, or a directory. */
type Node =
  | { readonly type: "file"; readonly data: Uint8Array; readonly mtime: number; readonly executable: boolean }
  | { readonly type: "link"; readonly target: ByteString }
  | { readonly type: "directory" }
  | { readonly type: "other" };

/** A file system in memory. Directories come with what is put into them. */
export class MemoryDisk implements Disk {
  readonly #nodes = new Map<ByteString, Node>([[fromText("/"), { type: "directory" }]]);
  /** Every question, as "stat /etc". */
  readonly asked: string[] = [];

  file(path: string, data: string | Uint8Array = "", options: { mtime?: number; executable?: boolean } = {}): this {
    const bytes = typeof data === "string" ? toBytes(fromText(data)) : data;
    return this.#put(path, {
      type: "file",
      data: bytes,
      mtime: options.mtime ?? 1,
      executable: options.executable ?? false,
    });
  }

  executable(path: string, data: string | Uint8Array = ""): this {
    return this.file(path, data, { executable: true });
  }

  link(path: string, target: string): this {
    return this.#put(path, { type: "link", target: fromText(target) });
  }

  directory(path: string): this {
    return this.#put(path, { type: "directory" });
  }

  /** A device or a fifo: whoever reads it fails the test. */
  device(path: string): this {
    return this.#put(path, { type: "other" });
  }

  stat(path: ByteString): FileStat | undefined {
    this.asked.push(`stat ${path}`);
    const real = this.#resolve(path, true);
    return real === undefined ? undefined : this.#describe(real);
  }

  lstat(path: ByteString): FileStat | undefined {
    this.asked.push(`lstat ${path}`);
    const real = this.#resolve(path, false);
    return real === undefined ? undefined : this.#describe(real);
  }

  readLink(path: ByteString): ByteString | undefined {
    this.asked.push(`readLink ${path}`);
    const node = this.#nodes.get(this.#resolve(path, false) ?? path);
    return node?.type === "link" ? node.target : undefined;
  }

  read(path: ByteString, { offset, length }: Range): Uint8Array | undefined {
    this.asked.push(`read ${path}`);
    const node = this.#nodes.get(this.#resolve(path, true) ?? path);
    if (node?.type === "other") throw new Error(`Cannot read "${path}": it is no regular file`);
    return node?.type === "file" ? node.data.slice(offset, offset + length) : undefined;
  }

  list(path: ByteString): ByteString[] | undefined {
    this.asked.push(`list ${path}`);
    const real = this.#resolve(path, true);
    if (real === undefined || this.#nodes.get(real)?.type !== "directory") return undefined;
    const names: ByteString[] = [];
    for (const name of this.#nodes.keys()) {
      if (name !== "/" && dirname(name) === real) names.push(name.slice(name.lastIndexOf("/") + 1) as ByteString);
    }
    return names;
  }

  #put(path: string, node: Node): this {
    const name = fromText(path);
    if (name !== "/" && !this.#nodes.has(dirname(name))) this.directory(dirname(name));
    this.#nodes.set(name, node);
    return this;
  }

  #describe(real: ByteString): FileStat | undefined {
    const node = this.#nodes.get(real);
    if (node === undefined) return undefined;
    const isFile = node.type === "file";
    return {
      type: node.type,
      size: isFile ? node.data.length : 0,
      mtime: isFile ? node.mtime : 0,
      executable: isFile && node.executable,
      id: real,
    };
  }

  #resolve(path: ByteString, follow: boolean): ByteString | undefined {
    const todo = split(path, "/").filter((name) => name !== "").reverse();
    let found = fromText("/");
    for (let links = 0; todo.length > 0 && links <= 40;) {
      const name = todo.pop()!;
      const next = name === ".." ? dirname(found) : name === "." ? found : join(found, name);
      const node = this.#nodes.get(next);
      if (node === undefined) return undefined;
      if (node.type !== "link" || (todo.length === 0 && !follow)) {
        if (node.type !== "directory" && todo.length > 0) return undefined;
        found = next;
        continue;
      }
      links++;
      if (node.target.startsWith("/")) found = fromText("/");
      todo.push(...split(node.target, "/").filter((name) => name !== "").reverse());
    }
    return todo.length > 0 ? undefined : found;
  }
}
