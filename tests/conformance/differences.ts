/** The first lines that differ, and how many do. */
export function differences(actual: readonly string[], expected: readonly string[]): string[] {
  const length = Math.max(actual.length, expected.length);
  const where = Array.from({ length }, (_, index) => index).filter((index) => actual[index] !== expected[index]);
  const shown = where.slice(0, 3).flatMap((index) => [
    `  expected ${expected[index] ?? "nothing"}`,
    `       got ${actual[index] ?? "nothing"}`,
  ]);
  return where.length > 3 ? [...shown, `  and ${where.length - 3} more`] : shown;
}
