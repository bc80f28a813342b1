import assert from "node:assert/strict";
import { scanUses } from "../../../lib/prefetch/perl/scan_uses.ts";
import { elfRule } from "../../../lib/prefetch/rules/elf.ts";
import { perlRule } from "../../../lib/prefetch/rules/perl.ts";
import { makeElf } from "./elf_bytes.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { assertInOrder, planned, type PlannedOptions, withProgram } from "./planned.ts";

/** Debian's, in the order in which the linker left them. */
const constants = [
  "/etc/perl",
  "/usr/share/perl5",
  "/usr/share/perl/5.36",
  "/usr/local/lib/site_perl",
  "/5.36.0/x86_64-linux-gnu",
  "/usr/local/share/perl/5.36.0",
  "/usr/lib/x86_64-linux-gnu/perl5/5.36",
  "/usr/lib/x86_64-linux-gnu/perl-base",
  "/usr/lib/x86_64-linux-gnu/perl/5.36",
  "/usr/local/lib/x86_64-linux-gnu/perl/5.36.0",
  "/usr/bin/perl",
  "/usr/lib/debug/perl.debug",
  "%s/perl",
];

const order = [
  "/etc/perl",
  "/usr/local/lib/x86_64-linux-gnu/perl/5.36.0",
  "/usr/local/share/perl/5.36.0",
  "/usr/lib/x86_64-linux-gnu/perl5/5.36",
  "/usr/share/perl5",
  "/usr/lib/x86_64-linux-gnu/perl-base",
  "/usr/lib/x86_64-linux-gnu/perl/5.36",
  "/usr/share/perl/5.36",
  "/usr/local/lib/site_perl",
];

/** A perl with all the folders of its @INC. */
function perl(): MemoryDisk {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/perl", { constants: `\0${constants.join("\0")}\0` });
  for (const folder of order) disk.directory(folder);
  return disk;
}

function plan(disk: MemoryDisk, args: string[], options: PlannedOptions = {}): string[] {
  return planned(disk, ["/usr/bin/perl", ...args], { rules: [elfRule, perlRule], ...options });
}

Deno.test("scanUses() reads use, no, require, base and parent, and no documentation", () => {
  const source = `
package X;
use strict;
use 5.010;
use v5.36;
  use Data::Dumper qw(Dumper);
no warnings 'once';
require Carp;
require "old/style.pl";
sub f { require Lazy; }
  require Indented;
use parent -norequire, 'Here';
use base qw(Exporter IO::Handle);
=pod

use Documented;

=cut
use After::Pod
__END__
use Never;
`;
  assert.deepEqual(scanUses(source), [
    "strict.pm",
    "Data/Dumper.pm",
    "warnings.pm",
    "Carp.pm",
    "old/style.pl",
    "parent.pm",
    "base.pm",
    "After/Pod.pm",
    "Exporter.pm",
    "IO/Handle.pm",
  ]);
});

Deno.test("scanUses() survives any text", () => {
  const noise = Array.from({ length: 3000 }, (_, i) => String.fromCharCode((i * 31) % 256)).join("");
  for (const text of [noise, "=pod\n".repeat(1000), "use ", "use base qw(", "require '", "__END__"]) scanUses(text);
  assert.ok(scanUses("use A;\n".repeat(5000)).length <= 501);
});

Deno.test("perl: @INC is read out of the executable, and searched in perl's order with all misses", () => {
  const disk = perl().file("/usr/share/perl/5.36/A.pm", "").file(
    "/usr/lib/x86_64-linux-gnu/perl-base/B.pm",
    "use A;\n",
  );
  const wants = plan(disk, ["-MB", "-e", "1"]).filter((want) => /\/[AB]\.pm/.test(want));
  const misses = (name: string, folders: string[]) =>
    folders.flatMap((folder) => [`name ${folder}/${name}.pmc`, `name ${folder}/${name}.pm`]);
  assert.deepEqual(wants, [
    ...misses("B", order.slice(0, 5)),
    `name ${order[5]}/B.pmc`,
    `content ${order[5]}/B.pm`,
    ...misses("A", order.slice(0, 7)),
    `name ${order[7]}/A.pmc`,
    `content ${order[7]}/A.pm`,
  ]);
});

Deno.test("perl: folders of the version and the architecture are looked for where they may be added", () => {
  const wants = plan(perl(), ["-e", "1"]);
  assert.ok(wants.includes("name /usr/local/lib/site_perl/5.36.0"));
  assert.ok(wants.includes("name /usr/lib/x86_64-linux-gnu/perl-base/x86_64-linux-gnu"));
});

Deno.test("perl: PERL5LIB, -I and use lib come first", () => {
  const disk = perl().file("/env/A.pm").file("/src/inc/B.pm").file("/src/lib/C.pm").file(
    "/src/s.pl",
    "use lib 'lib';\nuse A;\nuse B;\nuse C;\n",
  );
  const wants = plan(disk, ["-w", "-I", "inc", "s.pl"], { cwd: "/src", env: ["PERL5LIB=/env"] });
  assertInOrder(wants, [
    "content /src/s.pl",
    "name /src/lib/A.pm",
    "name /src/inc/A.pm",
    "content /env/A.pm",
    "content /src/inc/B.pm",
    "content /src/lib/C.pm",
  ]);
});

Deno.test("perl: a module's object is wanted with its libraries, and the bootstrap file that hardly ever exists", () => {
  const home = "/usr/lib/x86_64-linux-gnu/perl/5.36";
  const disk = perl().file(`${home}/Tie/Hash.pm`, "require XSLoader;\nXSLoader::load();\n")
    .file(`${home}/auto/Tie/Hash/Hash.so`, makeElf({ needed: ["libx.so"], runpath: "$ORIGIN" }))
    .file(`${home}/auto/Tie/Hash/libx.so`, makeElf({ soname: "libx.so" }));
  assertInOrder(plan(disk, ["-e", "use Tie::Hash;"]), [
    `content ${home}/Tie/Hash.pm`,
    `name ${home}/auto/Tie/Hash/Hash.bs`,
    `content ${home}/auto/Tie/Hash/Hash.so`,
    `content ${home}/auto/Tie/Hash/libx.so`,
  ]);
});

Deno.test("perl: libperl has the constants where the executable is but a shell around it", () => {
  const disk = withProgram(new MemoryDisk(), "/usr/bin/perl5.36.0", { needed: ["libperl.so.5.36", "libc.so.6"] })
    .file(
      "/lib64/libperl.so.5.36",
      makeElf({ soname: "libperl.so.5.36", constants: "\0/usr/share/perl5\0/usr/lib64/perl5/vendor_perl\0" }),
    )
    .file("/usr/share/perl5/A.pm").directory("/usr/lib64/perl5/vendor_perl");
  const wants = planned(disk, ["/usr/bin/perl5.36.0", "-MA", "-e1"], { rules: [elfRule, perlRule] });
  assertInOrder(wants, ["name /usr/lib64/perl5/vendor_perl/A.pm", "content /usr/share/perl5/A.pm"]);
});

Deno.test("perl: modules that use themselves, and bytes of any kind, come to an end", () => {
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => i * 11 + (i >> 8));
  const disk = perl().file("/usr/share/perl5/A.pm", "use A;\nuse B;\nuse Noise;\n").file(
    "/usr/share/perl5/B.pm",
    "use A;",
  ).file("/usr/share/perl5/Noise.pm", noise);
  plan(disk, ["-MA", "-e", "1"], { env: ["PERL5OPT=-MB -w"] });
  plan(disk, ["/usr/share/perl5/Noise.pm"]);
  for (const args of [["-"], ["-e"], ["-I"], ["--"], ["-M"], ["gone.pl"], []]) plan(disk, args);
});
