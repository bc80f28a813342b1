import type { Machine } from "./machines.ts";
import type { Process } from "./process.ts";

/**
 * Does what it is told, a line each, and answers with a line: `ok`, or the error's text. `#N` counts the answers, so that
 * one can be waited for. SIGALRM is caught, and says so.
 */
const script = `
use strict; use Fcntl qw(:DEFAULT :flock SEEK_SET); use POSIX ();
$| = 1;
my (%files, $count);
my %modes = (r => O_RDONLY, w => O_WRONLY, rw => O_RDWR);
my %types = (read => F_RDLCK, write => F_WRLCK, unlock => F_UNLCK);
my %whole = (shared => LOCK_SH, exclusive => LOCK_EX, none => LOCK_UN);
my $FCNTL = (POSIX::uname())[4] eq "aarch64" ? 25 : 72;
my ($OFD_GETLK, $OFD_SETLK, $OFD_SETLKW) = (36, 37, 38);
sub request { my ($type, $start, $length) = @_; pack("s s x4 q q i x4", $types{$type}, SEEK_SET, $start, $length, 0) }
sub held { my @lock = unpack("s s x4 q q i", $_[0]); $lock[0] == F_UNLCK ? "free" : join(" ", @lock[0, 2, 3, 4]) }
sub onAlarm { POSIX::sigaction(POSIX::SIGALRM, POSIX::SigAction->new(sub { print "alarm\\n" }, POSIX::SigSet->new, $_[0])) }
onAlarm(0);
my %commands = (
  open => sub { sysopen($files{$_[0]}, $_[1], $modes{$_[2]}) },
  close => sub { close(delete $files{$_[0]}) },
  set => sub { fcntl($files{$_[0]}, F_SETLK, request(@_[1..3])) },
  wait => sub { fcntl($files{$_[0]}, F_SETLKW, request(@_[1..3])) },
  test => sub { my $lock = request(@_[1..3]); fcntl($files{$_[0]}, F_GETLK, $lock) && held($lock) },
  ofd => sub { my $lock = request(@_[1..3]); syscall($FCNTL, fileno($files{$_[0]}), $OFD_SETLK, $lock) == 0 },
  ofdwait => sub { my $lock = request(@_[1..3]); syscall($FCNTL, fileno($files{$_[0]}), $OFD_SETLKW, $lock) == 0 },
  ofdtest => sub {
    my $lock = request(@_[1..3]);
    syscall($FCNTL, fileno($files{$_[0]}), $OFD_GETLK, $lock) == 0 && held($lock)
  },
  flock => sub { flock($files{$_[0]}, $whole{$_[1]} | LOCK_NB) },
  flockwait => sub { flock($files{$_[0]}, $whole{$_[1]}) },
  restart => sub { onAlarm(POSIX::SA_RESTART) },
  pid => sub { $$ },
  size => sub { -s $files{$_[0]} },
  read => sub { my $data; sysseek($files{$_[0]}, 0, 0); defined sysread($files{$_[0]}, $data, 1 << 20) && "[$data]" },
  write => sub { sysseek($files{$_[0]}, $_[1], 0); syswrite($files{$_[0]}, $_[2]) },
  fill => sub { for (1 .. $_[1]) { syswrite($files{$_[0]}, "x" x (1 << 20)) } 1 },
);
print "ready\\n";
while (<STDIN>) {
  my ($name, @arguments) = split;
  my $result = $commands{$name}->(@arguments);
  $count++;
  print "#$count ", !$result ? "$!" : $name =~ /test|pid|size|read/ ? $result : "ok", "\\n";
}`;

/** A program that opens and locks files. */
export class Locker implements AsyncDisposable {
  readonly process: Process;
  /** The last word of its command line, and of no other's. */
  readonly name: string;
  #count = 0;

  private constructor(process: Process, name: string) {
    this.process = process;
    this.name = name;
  }

  /** Starts one on a machine. */
  static async start(machine: Machine, cwd: string): Promise<Locker> {
    const name = crypto.randomUUID();
    const locker = new Locker(machine.start(["perl", "-e", script, name], { cwd, stdin: "open" }), name);
    await locker.process.says("ready\n");
    return locker;
  }

  /** Tells it to do something that takes its time; {@link Told.answer} resolves to what it says then. */
  async begin(command: string): Promise<Told> {
    const mark = `#${++this.#count} `;
    await this.process.write(`${command}\n`);
    return { answer: this.#answer(mark) };
  }

  /** Its answer. */
  async tell(command: string): Promise<string> {
    return await (await this.begin(command)).answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  async #answer(mark: string): Promise<string> {
    const line = new RegExp(`^${mark}(.*)\n`, "m");
    await this.process.says(line);
    return line.exec(this.process.text)![1];
  }
}

/** What was begun. In an object, as a promise could not be returned by one. */
export interface Told {
  readonly answer: Promise<string>;
}
