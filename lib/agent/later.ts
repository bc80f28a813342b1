/** How long something waits, in ms: longer than a program takes from one change to the next. */
const WAIT_MS = 5;

/** Things to be done when those that wait with them have gathered. */
export class Later {
  #actions: (() => void)[] = [];
  #due = Infinity;

  add(action: () => void): void {
    if (this.#actions.length === 0) this.#due = performance.now() + WAIT_MS;
    this.#actions.push(action);
  }

  /** Until they are due, in whole ms; -1: nothing waits. */
  get waitMs(): number {
    return this.#actions.length === 0 ? -1 : Math.max(0, Math.ceil(this.#due - performance.now()));
  }

  /** Does what is due. */
  run(): void {
    if (this.#actions.length === 0 || performance.now() < this.#due) return;
    const actions = this.#actions;
    this.#actions = [];
    for (const action of actions) action();
  }
}
