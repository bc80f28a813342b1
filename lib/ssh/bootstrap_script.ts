import { waysScript } from "./ways_script.ts";

/**
 * What runs on the other machine before the agent is there: one POSIX shell function, then one call of it:
 *
 *     outrun_boot NONCE SHA256 SIZE BASE-SIZE ARCH AGENT-ARGUMENT…
 *
 * Every line it says is `NONCE word…` on stdout; everything else there is noise of the login. It says:
 *
 *     exec WAY FENCE             the agent is here; this shell becomes it, reads no more, and the next line is the agent's
 *     password                   a line with sudo's password is wanted; once more, as the first line behind `exec`
 *     refused REASON             sudo does not take it
 *     probe KEY=VALUE… dir=PATH  the agent is missing, or something else is, or the facts were asked for by a line
 *                                `outrun_facts=yes` before the call: here they are (see probe.ts); the shell goes on with
 *                                what comes next: install_script.ts, or `start AGENT-ARGUMENT…` where the facts say that the
 *                                agent is present; or it ends at the end of its input
 *     err REASON                 it gives up
 *
 * It works in dash, bash and busybox ash, without zstd, gzip or sha256sum. dash reads its script from a pipe in blocks
 * of 8 KiB: nothing but lines may be sent before `exec`, or `ready`, has been heard.
 */
export const bootstrapScript = String.raw`
outrun_boot() {
  nonce=$1 hash=$2 size=$3 basesize=$4 arch=$5
  shift 5
  umask 077
  LC_ALL=C
  export LC_ALL
  unset ENV BASH_ENV CDPATH

  say() { printf '%s %s\n' "$nonce" "$*"; }
  die() { say err "$*"; exit 1; }
  has() { command -v "$1" >/dev/null 2>&1; }

  # Ours, a real folder, closed to others: nobody else can put an agent there.
  safe() {
    case $1 in /*) [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] ;; *) false ;; esac
  }
  # Whether the agent in $1 is all there, by its sizes: native, one file, or carried, with a loader and libraries of its own.
  native() {
    [ -x "$1/agent-$hash" ] && set -- $(ls -lnd "$1/agent-$hash" 2>/dev/null) && [ "$5" = "$size" ]
  }
  carried() {
    [ -x "$1/carried-$hash/outrun" ] || return 1
    set -- $(cd "$1/carried-$hash" && ls -lnd base lib/ld.so outrun 2>/dev/null)
    [ $# = 27 ] && [ "$5" = "$basesize" ] || return 1
    shift 13
    rest=$(($1 + size - basesize))
    shift 9
    [ "$1" = $rest ]
  }
  # Sets form to the one of these two that is in $1 and runs here.
  installed() {
    safe "$1" || return 1
    form=native
    [ -e $loader ] && native "$1" && return
    form=carried
    carried "$1"
  }

  # Where we get to be root, if anywhere.
  as_root() {
    case $root in
    sudo | doas) "$root" -n -- "$@" ;;
    *) "$@" ;;
    esac
  }
  # $1 can hold the agent: safe, writable, programs may run from it; by root, too, who is nobody on some network's disk.
  usable() {
    case $1 in /*) mkdir "$1" 2>/dev/null ;; esac
    safe "$1" && chmod 700 "$1" 2>/dev/null || return 1
    try=$1/try-$$
    { printf '#!/bin/sh\nexit 0\n' >"$try"; } 2>/dev/null && chmod 700 "$try" && as_root "$try" </dev/null >/dev/null 2>&1
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

  case $arch in
  x86_64) loader=/lib64/ld-linux-x86-64.so.2 ;;
  *) loader=/lib/ld-linux-aarch64.so.1 ;;
  esac
  user=''
  { while read -r key a b c; do [ "$key" != Uid: ] || user=$b; done </proc/self/status; } 2>/dev/null
  [ -n "$user" ] || user=$(id -u 2>/dev/null) || user=unknown
  fuse=none
  if [ -c /dev/fuse ]; then fuse=device
  elif grep -qs 'fuse$' /proc/filesystems; then fuse=driver
  fi
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

  start() {
    [ $root != asked ] || ask
    say exec $root $fence
    case $root in self | sudo | doas | asked | plain) ;; *) set -- "$@" --rootless $fence ;; esac
    if [ $form = native ]; then set -- "$dir/agent-$hash" "$@"
    else
      # Opened by a shell of its own, for sudo closes what it inherits; 9 is where lib/linux looks for the C library.
      set -- sh -c 'exec 9<"$0/lib/libc.so.6" "$0/outrun" --library-path "$0/lib" "$0/base" "$@" --carried' \
        "$dir/carried-$hash" "$@"
    fi
    case $root in
    self | plain) exec "$@" ;;
    asked) exec sudo -k -S -p '' -- "$@" ;;
    sudo | doas) exec $root -n -- "$@" ;;
    *) exec $enter "$@" ;;
    esac
  }

  # For this system and processor, as it was when it was installed. A process started up to here delays every session.
  if [ -z "$outrun_facts" ] && [ -n "$present" ] && [ $root != none ] && [ $fuse != none ]; then start "$@"; fi

  # Old enough for everybody (2018), and new enough for us; all that it takes must lie in one of these folders.
  libc=other
  for lib in /lib/$arch-linux-gnu /lib64 /usr/lib64 /usr/lib /lib; do
    [ -e $loader ] && [ -e $lib/libgcc_s.so.1 ] && grep -q 'GLIBC_2\.27' $lib/libc.so.6 2>/dev/null && libc=glibc
  done

  me=$(uname -n).$$
  new=$dir/new-$me
  tidy() {
    rm -rf "$new"
    # What stayed empty: nothing came of this session.
    folders rmdir 2>/dev/null
    [ -z "$made" ] || rmdir "$made" 2>/dev/null
  }
  trap tidy EXIT
  trap 'exit 1' HUP INT PIPE TERM

  tools=''
  for tool in zstd xz gzip sha256sum sudo; do has $tool && tools=$tools,$tool; done
  [ $root != none ] || why_not
  say probe "os=$(uname -s)" "arch=$(uname -m)" "uid=$user" "root=$root" "libc=$libc" "fuse=$fuse" "tools=$tools" \
    "bars=$bars" "said=$said" "present=$present" "fit=$fit" "room=$free" "dir=$dir"
}
`;

/**
 * What goes out as the very first bytes: the function and its call. Every word must pass {@link isShellSafe}. `facts`: they
 * are to be said in any case.
 */
export function bootstrapText(words: readonly string[], { facts = false } = {}): string {
  // Whatever the environment there says.
  return scriptText(`${bootstrapScript}\noutrun_facts=${facts ? "yes" : ""}`, ["outrun_boot", ...words]);
}

/** Has the shell that has told its facts become the agent, which must be present. */
export function startText(agentArgs: readonly string[]): string {
  return scriptText("", ["start", ...agentArgs]);
}

/** A script without its comments and indentation, and a call behind it. */
export function scriptText(script: string, call: readonly string[]): string {
  const unsafe = call.find((word) => !isShellSafe(word));
  if (unsafe !== undefined) throw new TypeError(`Cannot send ${JSON.stringify(unsafe)} to a shell: it needs quotes`);
  const lines = script.split("\n").map((line) => line.trimStart()).filter((line) => !/^(#|$)/.test(line));
  return [...lines, call.join(" "), ""].join("\n");
}

/** Words that mean themselves in every shell. */
export function isShellSafe(word: string): boolean {
  return /^[A-Za-z0-9,._=:/@+-]+$/.test(word);
}
