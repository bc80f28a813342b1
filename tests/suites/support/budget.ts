/** How much a suite does. Little in a run of all tests, as much as is wanted by the environment. */
export interface Budget {
  /** $SUITE_SECONDS, for suites that run for a time. */
  readonly seconds: number;
  /** $SUITE_OPERATIONS, for suites that count. */
  readonly operations: number;
  /** $SUITE_SEEDS, separated by commas: one run each, for suites that draw lots. */
  readonly seeds: readonly number[];
  /** $SUITE_RTT: how far away the other machine is, in ms; 0 if that is not said. */
  readonly rttMs: number;
}

/** Throws for a value that is no number. */
export function readBudget(get: (name: string) => string | undefined): Budget {
  const number = (name: string, text: string) => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`Cannot use ${name} "${text}": not a number above 0`);
    return Number(text);
  };
  return {
    seconds: number("SUITE_SECONDS", get("SUITE_SECONDS") ?? "10"),
    operations: number("SUITE_OPERATIONS", get("SUITE_OPERATIONS") ?? "800"),
    seeds: (get("SUITE_SEEDS") ?? "1").split(",").map((text) => number("SUITE_SEEDS", text)),
    rttMs: get("SUITE_RTT") === undefined ? 0 : number("SUITE_RTT", get("SUITE_RTT")!),
  };
}
