import { waysScript } from "./ways_script.ts";

/**
 * What runs on the other machine before the agent is there: one POSIX shell function, then one call of it:
 *
 *     outrun_boot NONCE SHA256 SIZE ARCH AGENT-ARGUMENT…; exit
 *
 * Every line it says is `NONCE word…` on stdout; everything else there is noise of the login. It says:
 *
 *     exec WAY FENCE             the agent is here; this shell becomes it, reads no more, and the next line is the agent's
 *     password                   a line with sudo's password is wanted; once more, as the first line behind `exec`
 *     refused REASON             sudo does not take it
 *     probe KEY=VALUE… dir=PATH  the agent is missing, or something else is, or the facts were asked for by a line
 *                                `outrun_facts=yes` before the call: here they are (see probe.ts); commands follow
 *     part BYTES                 so much of the upload is here (answer to `claim`)
 *     damaged REASON             the upload was thrown away: claim again
 *     ok checked|unchecked       installed; `unchecked` without sha256sum; `exec` follows
 *     err REASON                 it gives up
 *
 * and it takes these lines on stdin:
 *
 *     claim SHA256                 find what an interrupted upload of this packed file left behind
 *     put BYTES TOTAL PACKING      BYTES bytes follow at once, then the packed file has TOTAL: unpack, check, install, exec
 *     start                        exec: the facts said that the agent is present
 *
 * It works in dash, bash and busybox ash, without zstd, gzip or sha256sum. dash reads its script from a pipe in blocks
 * of 8 KiB: nothing but lines may be sent before `exec`, or `part`, has been heard. Each put is read by one `head`,
 * for busybox's reads further than it was told.
 *
 * A part file belongs to one process, whose host and pid are in its name. A live owner's part is copied, a dead one's
 * is renamed, so two uploads never write to one file and neither waits for the other.
 */
export const bootstrapScript = String.raw`
outrun_boot() {
  nonce=$1 hash=$2 size=$3 arch=$4
  shift 4
  umask 077
  LC_ALL=C
  export LC_ALL
  unset ENV BASH_ENV CDPATH

  say() { printf '%s %s\n' "$nonce" "$*"; }
  die() { say err "$*"; exit 1; }
  has() { command -v "$1" >/dev/null 2>&1; }
  first() { echo "$1"; }
  bytes() { set -- $(ls -lnd "$1" 2>/dev/null) 0 0 0 0 0; echo "$5"; }
  digest() { first $(sha256sum); }

  # Ours, a real folder, closed to others: nobody else can put an agent there.
  safe() {
    case $1 in /*) [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] ;; *) false ;; esac
  }
  installed() {
    safe "$1" && [ -x "$1/agent-$hash" ] || return 1
    set -- $(ls -lnd "$1/agent-$hash" 2>/dev/null)
    [ "$5" = "$size" ]
  }

  # $1 can hold the agent: safe, writable, programs may run from it.
  usable() {
    case $1 in /*) mkdir "$1" 2>/dev/null ;; esac
    safe "$1" && chmod 700 "$1" 2>/dev/null || return 1
    try=$1/try-$$
    { printf '#!/bin/sh\nexit 0\n' >"$try"; } 2>/dev/null && chmod 700 "$try" && "$try" </dev/null >/dev/null 2>&1
    works=$?
    rm -f "$try"
    return $works
  }

  # Free kB in $1; empty when that cannot be told. Not df: it walks every mount and hangs on a dead one.
  room() {
    set -- $(stat -f -c '%a %S' "$1" 2>/dev/null)
    case $1.$2 in
    .* | *. | *[!0-9.]*) ;;
    *) echo $(($1 * ($2 / 512) / 2)) ;;
    esac
  }

  # Sets dir to the first of the folders that has the agent, else to the first that can take it;
  # fit to yes, room (usable, but full) or none.
  choose() {
    for dir; do installed "$dir" && fit=yes && present=1 && return; done
    need=$((size * 3 / 2048)) full='' dir=''
    [ -d "$home" ] && [ ! -d "$cache" ] && mkdir -p "$cache" 2>/dev/null && made=$cache
    for dir; do
      usable "$dir" || continue
      free=$(room "$dir")
      [ -z "$free" ] || [ "$free" -ge $need ] && fit=yes && return
      [ -n "$full" ] || full=$dir lack=$free
    done
    dir=$full free=$lack
    [ -n "$dir" ] && fit=room
  }

  user=''
  { while read -r key a b c; do [ "$key" != Uid: ] || user=$b; done </proc/self/status; } 2>/dev/null
  [ -n "$user" ] || user=$(id -u 2>/dev/null) || user=unknown
  fuse=none
  if [ -c /dev/fuse ]; then fuse=device
  elif grep -qs 'fuse$' /proc/filesystems; then fuse=driver
  fi
  libc=other
  case $arch in
  x86_64) loader=/lib64/ld-linux-x86-64.so.2 ;;
  *) loader=/lib/ld-linux-aarch64.so.1 ;;
  esac
  [ -e $loader ] && libc=glibc
  home=$HOME
  [ -n "$home" ] || home=unknown
  cache=$XDG_CACHE_HOME
  [ -n "$cache" ] || cache=$home/.cache
  runtime=$XDG_RUNTIME_DIR
  [ -n "$runtime" ] || runtime=/run/user/$user
  folders() {
    "$@" "$cache/outrun" "/var/tmp/.outrun-$user" "/tmp/.outrun-$user" "$runtime/outrun" "/dev/shm/.outrun-$user"
  }
${waysScript}
  root=none fence='' enter='' said=''
  choose_way "$@"
  fit=none present='' free='' lack='' made=''
  folders choose
  agent=$dir/agent-$hash

  start() {
    [ $root != asked ] || ask
    say exec $root $fence
    case $root in
    self | plain) exec "$agent" "$@" ;;
    asked) exec sudo -k -S -p '' -- "$agent" "$@" ;;
    sudo | doas) exec $root -n -- "$agent" "$@" ;;
    *) exec $enter "$agent" "$@" --rootless $fence ;;
    esac
  }

  # For this system and processor, as its loader is. A process started up to here delays every session.
  if [ -z "$outrun_facts" ] && [ -n "$present" ] && [ $root != none ] && [ $fuse != none ] && [ $libc = glibc ]; then start "$@"; fi

  tools=''
  for tool in zstd gzip sha256sum sudo; do has $tool && tools=$tools,$tool; done
  [ $root != none ] || why_not
  say probe "os=$(uname -s)" "arch=$(uname -m)" "uid=$user" "root=$root" "libc=$libc" "fuse=$fuse" "tools=$tools" \
    "bars=$bars" "said=$said" "present=$present" "fit=$fit" "room=$free" "dir=$dir"

  me=$(uname -n).$$
  new=$dir/new-$me
  tidy() {
    rm -f "$new"
    # What stayed empty: nothing came of this session.
    folders rmdir 2>/dev/null
    [ -z "$made" ] || rmdir "$made" 2>/dev/null
  }
  trap tidy EXIT
  trap 'exit 1' HUP INT PIPE TERM

  # Makes $part ours, with as much in it as anybody has received so far.
  claim() {
    # Another session may have tidied it away.
    safe "$dir" || usable "$dir" || die "cannot use $dir; try again"
    part=$dir/part-$1.$me
    for other in "$dir/part-$1".*; do
      [ "$(bytes "$other")" -gt "$(bytes "$part")" ] || continue
      pid=$(echo "$other" | sed 's/.*\.//')
      if [ "$other" = "$dir/part-$1.$(uname -n).$pid" ] && ! kill -0 "$pid" 2>/dev/null; then
        mv -f "$other" "$part" 2>/dev/null
      else
        cp -f "$other" "$part" 2>/dev/null
      fi
    done
  }
  damaged() { rm -f "$part" "$new"; say damaged "$*"; }
  unpack() {
    case $1 in
    raw) cat ;;
    *) "$1" -dc ;;
    esac
  }

  # $1 = size of the packed file, $2 = its packing. Fails when the upload has to be made again.
  install() {
    got=$(bytes "$part")
    [ "$got" -ge "$1" ] || exit 1 # the link ended: the part stays for the next time
    [ "$got" = "$1" ] || { damaged "$got bytes came, not $1"; return 1; }
    unpack "$2" <"$part" >"$new" || { damaged "$2 cannot unpack it"; return 1; }
    [ "$(bytes "$new")" = "$size" ] || { damaged "unpacked it has $(bytes "$new") bytes, not $size"; return 1; }
    check=unchecked
    if has sha256sum; then
      [ "$(digest <"$new")" = "$hash" ] || { damaged 'its SHA-256 is another'; return 1; }
      check=checked
    fi
    # Not over an agent that somebody else has just put there and that is starting: it looks for its own file.
    chmod 755 "$new" && { ln "$new" "$agent" 2>/dev/null || installed "$dir" || mv -f "$new" "$agent"; } ||
      die "cannot write $agent; make room there"
    rm -f "$part" "$new"
    # Agents that nobody ran for a month, and what died long ago.
    find "$dir/." ! -name . -prune -name 'agent-*' -atime +30 -exec rm -f {} + 2>/dev/null
    find "$dir/." ! -name . -prune \( -name 'part-*' -o -name 'new-*' -o -name 'try-*' \) -mtime +30 \
      -exec rm -f {} + 2>/dev/null
    say ok $check
  }

  while read -r op a b c; do
    case $op in
    claim)
      claim "$a"
      say part "$(bytes "$part")"
      ;;
    put)
      head -c "$a" >>"$part" || die "cannot write $part; make room there"
      install "$b" "$c" && start "$@"
      ;;
    start) start "$@" ;;
    *) die "no such command: $op" ;;
    esac
  done
}
`;

/**
 * What goes out as the very first bytes: the function and its call. Every word must pass {@link isShellSafe}. `facts`: they
 * are to be said in any case.
 */
export function bootstrapText(words: readonly string[], { facts = false } = {}): string {
  const unsafe = words.find((word) => !isShellSafe(word));
  if (unsafe !== undefined) throw new TypeError(`Cannot send ${JSON.stringify(unsafe)} to a shell: it needs quotes`);
  const lines = bootstrapScript.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  // Whatever the environment there says.
  lines.push(`outrun_facts=${facts ? "yes" : ""}`);
  return `${lines.map((line) => line.trimStart()).join("\n")}\noutrun_boot ${words.join(" ")}; exit\n`;
}

/** Words that mean themselves in every shell. */
export function isShellSafe(word: string): boolean {
  return /^[A-Za-z0-9,._=:/@+-]+$/.test(word);
}
