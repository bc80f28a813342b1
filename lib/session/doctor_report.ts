const MARK_COLUMNS = 6;
const NAME_COLUMNS = 10;

/** What was looked at, in order: a line each, on stdout. */
export class DoctorReport {
  readonly #names: readonly string[];
  #next = 0;
  #failures = 0;

  /** The names of all checks, in the order in which they are told. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The check whose turn it is is passed. */
  pass(text: string): void {
    this.#tell("ok", text);
  }

  /** The check whose turn it is is not passed. `text` says what to do. */
  fail(text: string): void {
    this.#failures++;
    this.#tell("FAIL", text);
  }

  /** Says what all of it means for `target`; nothing more is going to be looked at. */
  close(isWell: boolean, target: string): void {
    while (this.#next < this.#names.length) this.#tell("-", "not looked at");
    const where = JSON.stringify(target);
    console.log(isWell ? `A command would run on ${where}` : `No command would run on ${where}`);
  }

  #tell(mark: string, text: string): void {
    console.log(mark.padEnd(MARK_COLUMNS) + this.#names[this.#next++].padEnd(NAME_COLUMNS) + text);
  }
}
