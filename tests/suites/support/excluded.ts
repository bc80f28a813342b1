/** One entry of a list of what is known to fail. */
export interface Excluded {
  readonly name: string;
  readonly checks: ReadonlySet<number>;
  readonly reason: string;
}

/**
 * Reads a list of exclusions. A line `reason: TEXT` gives the reason of the entries below it, each `NAME CHECKS` with
 * checks as `1,4-6`; a line that ends with a comma goes on in the next; `#` begins a comment. Throws for an entry without
 * a reason.
 */
export function readExcluded(text: string): Excluded[] {
  let reason = "";
  const entries: Excluded[] = [];
  for (const line of text.replaceAll(/,\n\s*/g, ",").split("\n").map((line) => line.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [, given] = line.match(/^reason: (.+)$/) ?? [];
    if (given !== undefined) {
      reason = given;
      continue;
    }
    const [, name, checks] = line.match(/^(\S+) ([\d,-]+)$/) ?? [];
    if (name === undefined || reason === "") {
      throw new Error(`Cannot use the exclusion "${line}": no name, check or reason`);
    }
    entries.push({ name, checks: new Set(checks.split(",").flatMap(numbers)), reason });
  }
  return entries;
}

function numbers(range: string): number[] {
  const [first, last = first] = range.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The other way round: numbers in order, as an entry writes them. */
export function formatChecks(checks: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const check of checks) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === check - 1) last[1] = check;
    else ranges.push([check, check]);
  }
  return ranges.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`).join(",");
}
