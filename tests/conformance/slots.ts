/** Things by the lowest free number, as the kernel numbers descriptors. */
export class Slots<T> {
  readonly #used: (T | undefined)[] = [];

  add(thing: T): number {
    const free = this.#used.indexOf(undefined);
    const index = free < 0 ? this.#used.length : free;
    this.#used[index] = thing;
    return index;
  }

  get(index: number): T | undefined {
    return this.#used[index];
  }

  remove(index: number): T | undefined {
    const thing = this.#used[index];
    this.#used[index] = undefined;
    return thing;
  }

  /** All there are, which are forgotten. */
  clear(): T[] {
    return this.#used.splice(0).filter((thing) => thing !== undefined);
  }
}
