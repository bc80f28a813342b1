import { scriptText } from "./bootstrap_script.ts";

/**
 * What the shell on the other machine is told when the agent is missing: one more function, which builds on the variables
 * and functions of the bootstrap script, and its call:
 *
 *     outrun_install AGENT-ARGUMENT…
 *
 * It says:
 *
 *     ready                      commands may follow
 *     found yes|no               whether the piece was there already (answer to `find`)
 *     part BYTES                 so much of the upload is here (answer to `claim`)
 *     damaged REASON             what came was thrown away: put it again
 *     ok checked|unchecked       the piece is there; `unchecked` without sha256sum
 *     checked kept|removed       answer to `check`
 *     err REASON                 it gives up
 *
 * and it takes these lines on stdin:
 *
 *     find NAME SIZE SHA256        take the piece from what is installed, if one of these holds it
 *     claim SHA256                 the next put is of the packed file with this hash, and may go on where another stopped
 *     put BYTES TOTAL PACKING NAME SIZE SHA256
 *                                  BYTES bytes follow at once, then the packed file has TOTAL: unpack and check the piece
 *     check SHA256                 remove the agent with this hash unless it has it
 *     run FORM                     make the agent of its pieces, install and become it
 *
 * The pieces of an agent, and what is made of them in a folder of this process's own before it is renamed into place:
 *
 *     native    base payload             → agent-HASH, the executable itself: both, one behind the other
 *     carried   base payload lib/…       → carried-HASH/, for a machine without a glibc that will do: `base` is started by
 *                                          the loader `outrun`, lib/ld.so with the payload behind it, for the runtime
 *                                          looks for the payload in the file that the kernel has started
 *
 * A part file belongs to one process, whose host and pid are in its name. A live owner's part is copied, a dead one's
 * is renamed, so two uploads never write to one file and neither waits for the other. Each put is read by one `head`, for
 * busybox's reads further than it was told.
 */
const installScript = String.raw`
outrun_install() {
  part=''
  bytes() { set -- $(ls -lnd "$1" 2>/dev/null) 0 0 0 0 0; echo "$5"; }
  first() { echo "$1"; }
  # Whether stdin has this hash. As it is where nobody can tell.
  fits() { ! has sha256sum || [ "$(first $(sha256sum))" = "$1" ]; }

  # $1 = name, $2 = size, $3 = hash
  find_piece() {
    has sha256sum || return 1
    name=$1 want=$2 sum=$3
    agents=carried-*/$name
    [ "$name" != base ] || agents="$agents agent-*"
    # The one used last first: reading it is a use, too.
    for old in $(cd "$dir" && ls -1tud $agents 2>/dev/null); do
      [ "$(bytes "$dir/$old")" -ge "$want" ] && head -c "$want" "$dir/$old" >"$new/$name" 2>/dev/null &&
        fits "$sum" <"$new/$name" && return
    done
    rm -f "$new/$name"
    return 1
  }

  # Makes $part ours, with as much in it as anybody has received so far.
  claim() {
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

  damaged() { rm -f "$part" "$new/$name"; say damaged "$*"; }
  unpack() {
    case $1 in
    raw) cat ;;
    *) "$1" -dc ;;
    esac
  }
  # $1 = size of the packed file, $2 = packing, $3 = name, $4 = size, $5 = hash
  place() {
    name=$3
    got=$(bytes "$part")
    [ "$got" -ge "$1" ] || exit 1 # the link ended: the part stays for the next time
    [ "$got" = "$1" ] || { damaged "$got bytes came, not $1"; return; }
    unpack "$2" <"$part" >"$new/$name" || { damaged "$2 cannot unpack it"; return; }
    [ "$(bytes "$new/$name")" = "$4" ] || { damaged "unpacked it has $(bytes "$new/$name") bytes, not $4"; return; }
    fits "$5" <"$new/$name" || { damaged 'its SHA-256 is another'; return; }
    rm -f "$part"
    if has sha256sum; then say ok checked; else say ok unchecked; fi
  }

  # Not over an agent that somebody else has just put there and that is starting: it looks for its own files.
  assemble() {
    case $form in
    native)
      agent=$dir/agent-$hash
      cat "$new/payload" >>"$new/base" && [ "$(bytes "$new/base")" = "$size" ] && chmod 755 "$new/base" &&
        { ln "$new/base" "$agent" 2>/dev/null || native "$dir" || mv -f "$new/base" "$agent"; }
      ;;
    carried)
      agent=$dir/carried-$hash
      cat "$new/lib/ld.so" "$new/payload" >"$new/outrun" && rm -f "$new/payload" &&
        chmod 755 "$new" "$new"/* "$new"/lib/* &&
        { carried "$dir" || { rm -rf "$agent" && mv "$new" "$agent"; }; } && rm -rf "$agent/new-$me" && carried "$dir"
      ;;
    esac
  }

  # Agents that nobody ran for a month, all but the two used last, and what died long ago. Before they are read by find.
  prune() {
    cd "$dir" || return
    for old in agent-* carried-*; do
      [ -z "$(find "$old" ! -type d ! -path '*/lib/*' ! -name outrun -atime +30)" ] || rm -rf "./$old"
    done
    ls -1tud agent-* carried-*/base | sed '1,2d; s,/base$,,' | while read -r old; do rm -rf "./$old"; done
    find . ! -name . -prune \( -name 'part-*' -o -name 'new-*' -o -name 'try-*' \) -mtime +30 -exec rm -rf {} +
  }

  # Another session may have tidied it away.
  safe "$dir" || usable "$dir" || die "cannot use $dir; try again"
  (prune) 2>/dev/null
  mkdir "$new" "$new/lib" || die "cannot write $dir; make room there"
  say ready
  while read -r op a b c d e f; do
    case $op in
    find) if find_piece "$a" "$b" "$c"; then say found yes; else say found no; fi ;;
    claim)
      claim "$a"
      say part "$(bytes "$part")"
      ;;
    put)
      [ -n "$part" ] || part=$new/part
      head -c "$a" >>"$part" || die "cannot write $part; make room there"
      place "$b" "$c" "$d" "$e" "$f"
      part=''
      ;;
    check)
      # Of what was carried along, nobody knows the hash any more.
      found=kept
      for old in "$dir/agent-$a" "$dir/carried-$a"; do
        [ -e "$old" ] && { [ -d "$old" ] || ! fits "$a" <"$old"; } && rm -rf "$old" && found=removed
      done
      say checked $found
      ;;
    run)
      form=$a
      assemble || die "cannot write $agent; make room there"
      rm -rf "$new"
      start "$@"
      ;;
    *) die "no such command: $op" ;;
    esac
  done
}
`;

/** The function and its call. */
export function installText(words: readonly string[]): string {
  return `${scriptText(installScript, ["outrun_install", ...words])}`;
}
