/**
 * A local process that locks a file, as a program of the user's would: told what to do on its stdin, a line each, it
 * answers `ok` or the error.
 */

const script = `
use Fcntl qw(:DEFAULT :flock SEEK_SET);
$| = 1;
sysopen(my $file, $ARGV[0], O_RDWR) or die "$ARGV[0]: $!";
my %range = (read => F_RDLCK, write => F_WRLCK, unlock => F_UNLCK);
my %whole = (shared => LOCK_SH, exclusive => LOCK_EX, none => LOCK_UN);
while (<STDIN>) {
  my ($what, $start, $length) = split;
  my $done = exists $whole{$what}
    ? flock($file, $whole{$what} | LOCK_NB)
    : fcntl($file, F_SETLK, pack("s s x4 q q i x4", $range{$what}, SEEK_SET, $start, $length, 0));
  print $done ? "ok\\n" : "$!\\n";
}`;

/** What it can be told: `write 0 10`, `read 5 0` (to the end), `unlock 0 0`, or `shared`, `exclusive`, `none`. */
export class LocalLocker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor(path: string) {
    const args = ["-e", script, path];
    this.#child = new Deno.Command("perl", { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Its answer. */
  async tell(line: string): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    const { value } = await this.#output.read();
    return (value ?? "").trim();
  }

  /** Ends it as kill -9 does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
  }
}
