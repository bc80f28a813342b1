import assert from "node:assert/strict";
import { here, latin1 } from "../e2e/support/mod.ts";
import { type Arena, findProgram, type Suite } from "./support/suite.ts";

const PROCESSES = 4;
const SPARE_MS = 60 * 60_000;
/**
 * A line for each file: name, type and mode, owner, links, target, size. Of a folder, the size is its own. Then one for
 * each regular file's content: the blocks that are not zeros, with their places, as its files are large and mostly holes.
 */
const account = String.raw`
  find . \( -type d -printf '%P %y%m %U:%G\n' \) -o -printf '%P %y%m %U:%G %n %l %s\n' | LC_ALL=C sort
  find . -type f -print0 | LC_ALL=C sort -z | perl -MDigest::SHA -0 -ne '
    chomp; my ($sum, $at, $data) = (Digest::SHA->new(256), 0);
    open my $file, "<", $_ or print("$_ $!\n"), next;
    while (defined($at = sysseek $file, $at, 3)) {
      $at -= $at % 4096;
      sysseek $file, $at, 0;
      my $length = sysread $file, $data, 1 << 20 or last;
      for (my $part = 0; $part < $length; $part += 4096) {
        my $block = substr $data, $part, 4096;
        $sum->add($at + $part, " ", $block) if $block =~ /[^\0]/;
      }
      $at += $length;
    }
    print "$_ ", $sum->hexdigest, "\n"'`;

/** Processes that make, change and remove files at random, all at once. */
export const fsstress: Suite = {
  what: `what ${PROCESSES} processes see of the tree they made is what is on the local disk`,
  absent: () =>
    findProgram("fsstress", "FSSTRESS") === undefined
      ? "not on this machine; build ltp/fsstress of xfstests and set FSSTRESS to its file"
      : undefined,
  async run({ there, folder: cwd, budget: { seconds, seeds } }: Arena) {
    const files: number[] = [];
    const script =
      `"$0" -d "$1" -p ${PROCESSES} --duration="$2" -s "$3" >log 2>&1 || { tail log; exit 1; }; cd "$1"; ${account}`;
    for (const seed of seeds) {
      const name = `seed-${seed}`;
      await Deno.mkdir(`${cwd}/${name}`);
      const argv = ["sh", "-c", script, findProgram("fsstress", "FSSTRESS")!, name, `${seconds}`, `${seed}`];
      const seen = await there.run(argv, { cwd, timeoutMs: seconds * 1000 + SPARE_MS });
      assert.deepEqual([seen.status, seen.stderr], [0, ""], `${seen.status} ${seen.stderr}${seen.text}`);
      const made = await here.shell(account, { cwd: `${cwd}/${name}`, timeoutMs: SPARE_MS });
      assert.deepEqual(latin1(seen.stdout).split("\n"), latin1(made.stdout).split("\n"), `seed ${seed}`);
      files.push(made.text.split("\n").length);
    }
    return `${seconds} s each with the seeds ${seeds}; lines compared: ${files}`;
  },
};
