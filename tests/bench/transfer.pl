# Moves bytes, a MiB at a time, and prints how long that took in ms:
#
#   read FILE           from opening it to its end
#   write FILE BYTES    from opening it until it is closed: random bytes
#   receive FILE        from the first byte on stdin to the last one, which go into the file
#   send BYTES          random bytes to stdout; prints nothing
#
# There is no apostrophe in here, so that all of it can be an argument of a remote shell, and no module beyond those of
# perl-base, which is all that a small Debian host has: the clock is that of the kernel, in steps of 10 ms.
use strict;
use warnings;

use constant MIB => 1 << 20;

my ($way, @rest) = @ARGV;
my %ways = (read => \&read_file, write => \&write_file, receive => \&receive, send => \&send_bytes);
$ways{$way}->(@rest);

sub opened { open my $file, $_[0], $_[1] or die "Cannot open \"$_[1]\": $!\n"; return $file }
sub now { readline(opened("<", "/proc/uptime")) =~ /^(\S+)/ and return $1 * 1000 }
sub told { print now() - $_[0], "\n" }

# Moves all that is there, and returns when the first of it was.
sub copy {
    my ($from, $to) = @_;
    my $start;
    while (1) {
        my $count = sysread $from, my $bytes, $start ? MIB : 1;
        die "Cannot read: $!\n" unless defined $count;
        return $start unless $count;
        $start //= now();
        put($to, $bytes) if $to;
    }
}

sub put {
    my ($to, $bytes) = @_;
    for (my $at = 0; $at < length $bytes;) {
        $at += syswrite($to, $bytes, length($bytes) - $at, $at) // die "Cannot write: $!\n";
    }
}

sub put_random {
    my ($to, $left) = @_;
    sysread opened("<", "/dev/urandom"), my $bytes, MIB;
    for (; $left > 0; $left -= length $bytes) { put($to, substr $bytes, 0, $left) }
}

sub read_file { my $start = now(); copy(opened("<", $_[0])); told($start) }
sub receive { my $file = opened(">", $_[0]); my $start = copy(\*STDIN, $file); close $file or die "$!"; told($start) }
sub send_bytes { put_random(\*STDOUT, $_[0]) }

sub write_file {
    my ($name, $bytes) = @_;
    my $start = now();
    my $file = opened(">", $name);
    put_random($file, $bytes);
    close $file or die "Cannot close \"$name\": $!\n";
    told($start);
}
