/**
 * Prints what the tests have measured of hosts, a Markdown table: which host, with which result, how long until the first
 * output, and how many bytes of outrun were sent.
 *
 *     OUTRUN_TEST_USES=/tmp/uses scripts/test e2e     # and musl, machines
 *     scripts/deno task uses /tmp/uses
 *
 * Where a host was measured several times, each number is the median.
 *
 * @module
 */
import { median } from "../bench/measure.ts";
import { seconds, table } from "../bench/table.ts";
import type { Figures, ReportedUses } from "./support/uses.ts";

const head = ["host", "result", "first use, s", "reuse, s", "MB at first", "at an update", "at reuse"];

/** `text` is a line of JSON for each host. */
export function usesTable(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as ReportedUses);
  const names = [...new Set(lines.map(({ host, result }) => JSON.stringify([host, result])))];
  const rows = names.map((name) => {
    const [host, result] = JSON.parse(name);
    const [first, update, reuse] = (["first", "update", "reuse"] as const).map((use) =>
      lines.filter((line) => line.host === host && line.result === result).flatMap((line) => line[use] ?? [])
    );
    return [host, result, time(first), time(reuse), megabytes(first), megabytes(update), megabytes(reuse)];
  });
  return table(head, rows, { names: 2 });
}

function time(uses: readonly Figures[]): string {
  return uses.length === 0 ? "" : seconds(median(uses.map(({ ms }) => ms)));
}

function megabytes(uses: readonly Figures[]): string {
  const sizes = uses.flatMap(({ bytes }) => bytes ?? []);
  return sizes.length === 0 ? "" : String(Number((median(sizes) / 1e6).toFixed(2)));
}

if (import.meta.main) console.log(usesTable(await Deno.readTextFile(Deno.args[0])));
