/** A Markdown table, its columns padded so that it reads as text, too; the first `names` hold names, the others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], { names = 1 } = {}): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const pad = (cell: string, column: number) =>
    column < names ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, column) => column < names ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** `0.012`, `1.23`, `12.3` */
export function seconds(ms: number): string {
  return decimals(ms / 1000, { small: 3 });
}

/** `1.23`, `12.3` */
export function ratio(value: number): string {
  return decimals(value, { small: 2 });
}

/** `small`: how many decimals a number below 1 gets. */
export function decimals(value: number, { small }: { small: number }): string {
  return value.toFixed(value < 1 ? small : value < 10 ? 2 : value < 100 ? 1 : 0);
}
