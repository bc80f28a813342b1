/** What a file of checks gave. */
export interface TapFile {
  readonly name: string;
  /** How many checks it set out to make. */
  readonly planned: number;
  /** The numbers of those that failed or were not made. */
  readonly failed: readonly number[];
}

/**
 * Reads the outputs of several programs that speak the Test Anything Protocol, each after a line `# file NAME`. Checks
 * that are marked TODO count as passed, as a harness of that protocol counts them.
 */
export function readTap(text: string): TapFile[] {
  return text.split(/^# file /m).slice(1).map((part) => {
    const [name] = part.split("\n", 1);
    const planned = Number(part.match(/^1\.\.(\d+)/m)?.[1] ?? 0);
    const passed = new Set<number>();
    for (const [, not, number, rest] of part.matchAll(/^(not )?ok (\d+)(.*)$/gm)) {
      if (not === undefined || rest.includes("# TODO")) passed.add(Number(number));
    }
    const failed = Array.from({ length: planned }, (_, index) => index + 1).filter((number) => !passed.has(number));
    return { name, planned, failed };
  });
}
