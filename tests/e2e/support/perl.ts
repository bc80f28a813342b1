/** Numbers of system calls that perl has no functions for (`asm/unistd.h`). */
const numbers = {
  x86_64: {
    copy_file_range: 326,
    fallocate: 285,
    fgetxattr: 193,
    fsetxattr: 190,
    ftruncate: 77,
    getxattr: 191,
    lgetxattr: 192,
    linkat: 265,
    listxattr: 194,
    llistxattr: 195,
    lseek: 8,
    lsetxattr: 189,
    mknodat: 259,
    openat: 257,
    pread64: 17,
    pwrite64: 18,
    removexattr: 197,
    renameat2: 316,
    setxattr: 188,
    statx: 332,
  },
  aarch64: {
    copy_file_range: 285,
    fallocate: 47,
    fgetxattr: 10,
    fsetxattr: 7,
    ftruncate: 46,
    getxattr: 8,
    lgetxattr: 9,
    linkat: 37,
    listxattr: 11,
    llistxattr: 12,
    lseek: 62,
    lsetxattr: 6,
    mknodat: 33,
    openat: 56,
    pread64: 67,
    pwrite64: 68,
    removexattr: 14,
    renameat2: 276,
    setxattr: 5,
    statx: 291,
  },
}[Deno.build.arch];

/**
 * - `call(NAME, …)` makes a system call: its result, or the errno's name. A reference is the address of what it refers to,
 *   which is written to.
 * - `line(WORDS)` prints a line, `put(FILE, CONTENT)` writes a file, `slurp(FILE)` reads it.
 */
const prelude = String.raw`
use strict; use warnings; no warnings "portable"; use Errno (); use Fcntl qw(:DEFAULT :mode);
my %numbers = (${Object.entries(numbers).flat().join(" ").replaceAll(/(\w+) (\d+)/g, '"$1", $2,')});
my %errno; for my $name (sort @Errno::EXPORT_OK) { my $value = eval { Errno->can($name)->() }; $errno{$value} //= $name if defined $value }
sub errno { $errno{$! + 0} }
sub call {
  my $number = $numbers{+shift};
  my @a = map { my $value = $_; ref $value ? $value : \$value } @_;
  push @a, \(my $none = 0) while @a < 6;
  my $result = syscall $number, ${"${$a[0]}, ${$a[1]}, ${$a[2]}, ${$a[3]}, ${$a[4]}, ${$a[5]}"};
  $result == -1 ? errno() : $result;
}
sub line { print join(" ", @_), "\n" }
sub put { my ($name, $content) = @_; open my $file, ">", $name or die "$name: $!"; print $file $content }
sub slurp { open my $file, "<", $_[0] or return errno(); local $/; scalar readline $file }
`;

/** The command line of a perl script that may make any system call: see {@link prelude}. */
export function perl(script: string): string[] {
  return ["perl", "-e", `${prelude}\n${script}`];
}
