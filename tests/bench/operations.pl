# Does what programs do with names and small files, and prints for each operation how often it did it and how long that
# took in ms: operations.pl FOLDER WORKERS. The folder is one that measureOperations() has filled. The workers are
# processes that run at the same time; each does its share.
use strict;
use warnings;
use Time::HiRes qw(time);

my ($folder, $workers) = @ARGV;
chdir $folder or die "Cannot enter \"$folder\": $!\n";

sub stat_names { -e "names/$_" or die "$_: $!" for shift; }
sub read_file {
    open my $file, "<", "small/$_[0]" or die "$_[0]: $!";
    sysread $file, my $content, 65536 or die "$_[0]: $!";
    close $file;
}
sub make_file {
    open my $file, ">", "new/$_[0]" or die "$_[0]: $!";
    close $file or die "$_[0]: $!";
}
sub walk {
    opendir my $directory, "tree/$_[0]" or die "$_[0]: $!";
    for my $name (readdir $directory) { lstat "tree/$_[0]/$name" or die "$name: $!" }
}

my @operations = (
    ["stat", 10000, \&stat_names],
    ["read", 5000, \&read_file],
    ["create", 5000, \&make_file],
    ["rename", 5000, sub { rename "new/$_[0]", "new/to-$_[0]" or die "$_[0]: $!" }],
    ["unlink", 5000, sub { unlink "new/to-$_[0]" or die "$_[0]: $!" }],
    ["mkdir", 5000, sub { mkdir "new/$_[0]" or die "$_[0]: $!" }],
    ["rmdir", 5000, sub { rmdir "new/$_[0]" or die "$_[0]: $!" }],
    ["walk", 100, \&walk],
);

for (@operations) {
    my ($name, $count, $act) = @$_;
    my $start = time;
    for my $worker (0 .. $workers - 1) {
        defined(my $pid = fork) or die "Cannot fork: $!\n";
        next if $pid;
        for (my $i = $worker; $i < $count; $i += $workers) { $act->($i) }
        exit 0;
    }
    while (wait != -1) { die "Cannot $name: a worker failed\n" if $? }
    print "$name $count ", (time - $start) * 1000, "\n";
}
