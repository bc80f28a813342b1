/**
 * A part of the bootstrap script: how the agent gets the rights that it needs. Sets root to
 *
 *     self, sudo, doas   root
 *     asked              root, by sudo with a password: where the user said --sudo
 *     plain              none are needed: it is to look after the cache
 *     many, one          a user namespace with all ids, or with the local user's only, to be entered by the words $enter
 *     fake               the same with root's only: an unshare that knows no other, and no perl
 *     none               there is no way; why_not tells what is in it
 *
 * and fence to `closed` where the user namespace has a pid namespace, `open` where the machine refuses a /proc for one.
 *
 * Each way without root is tried with `true` in the place of the agent: what a machine forbids is told by nothing else.
 */
export const waysScript = `
  # Makes a user namespace that maps user U and group G to the present ones (or all ids, with those among them), as a new
  # unshare does: with the capabilities kept. Arguments: all ids?, a pid namespace?, U, G, five system calls, a program.
  perl_unshare='
    my($all,$pid,$U,$G,$unshare,$mount,$prctl,$capget,$capset)=splice@ARGV,0,9;
    delete$ENV{OUTRUN_PERL};
    my($u,$g,$me)=($>,$)+0,$$);
    my($none,$root,$proc,$procs)=("","/","proc","/proc");
    sub fine{$_[1]==0 or die"$_[0]: $!\\n"}
    sub put{my($f,$t)=@_;my$h;open($h,">",$f)and syswrite($h,$t)or die"$f: $!\\n"}
    sub map_all{
      my($kind,$id,$own)=@_;
      open my$f,"<","/etc/sub$kind"or die"/etc/sub$kind: $!\\n";
      my$name=getpwuid$u;
      my($s)=map{/^(?:\\Q$name\\E|$u):(\\d+):(\\d+)/&&$2>65535?$1:()}<$f>;
      defined$s or die"/etc/sub$kind: no range\\n";
      my@m=$id>65535?(0,$s,65536,$id,$own,1):($id?(0,$s,$id):(),$id,$own,1,$id<65535?($id+1,$s+$id,65535-$id):());
      system("new\${kind}map",$me,@m)==0 or exit 1
    }
    pipe my$r,my$w;
    my$h=0;
    if($all){
      $h=fork;
      if(!$h){close$w;sysread$r,$_,1 or exit 1;map_all("uid",$U,$u);map_all("gid",$G,$g);exit 0}
    }
    fine unshare=>syscall$unshare,0x10020000|($pid?0x20000000:0);
    if($h){syswrite$w,1;waitpid$h,0;$?==0 or die"newuidmap: refused\\n"}
    else{put"/proc/self/setgroups","deny";put"/proc/self/uid_map","$U $u 1";put"/proc/self/gid_map","$G $g 1"}
    fine mount=>syscall$mount,$none,$root,$none,0x44000,$none;
    if($pid and my$c=fork){waitpid$c,0;exit($?>>8||$?)}
    if($pid){syscall$prctl,1,9,0,0,0;fine"mount /proc",syscall$mount,$proc,$procs,$proc,14,$none}
    my$v=pack"LL",0x20080522,0;
    my$d="\\0"x24;
    fine capget=>syscall$capget,$v,$d;
    my@d=unpack"L6",$d;
    @d[2,5]=@d[1,4];
    $d=pack"L6",@d;
    fine capset=>syscall$capset,$v,$d;
    for(0..63){syscall($prctl,47,2,$_,0,0)==0 or last}
    exec@ARGV or die"$ARGV[0]: $!\\n"'

  # Whether what follows enters a user namespace. What it says otherwise is kept, but for words it does not know.
  try() {
    enter=$*
    heard=$($enter true </dev/null 2>&1) && return
    case $heard in
    *option* | *usage* | *Usage* | *"not found"* | */etc/sub* | *newuidmap*) ;;
    *) [ -n "$said" ] || said=$heard ;;
    esac
    return 1
  }

  # $1: whether a pid namespace is wanted, 1 or 0.
  rootless() {
    pid=''
    [ $1 = 0 ] || pid='--pid --fork --kill-child --mount-proc'
    new="unshare --map-user=$uid --map-group=$gid --keep-caps --mount"
    old="perl -e eval\\$ENV{OUTRUN_PERL};die\\$@"
    root=many
    if has newuidmap && has newgidmap; then
      try $new --map-auto $pid && return
      try $old 1 $1 $uid $gid $calls && return
    fi
    root=one
    try $new $pid && return
    try $old 0 $1 $uid $gid $calls && return
    root=fake
    [ $uid.$gid != 0.0 ] || root=one
    [ $1 = 0 ] || pid='-p -f --mount-proc'
    try unshare -r -m $pid && return
    try busybox unshare -r -m $pid
  }

  choose_way() {
    ids='' last='' count='' asks=''
    for word; do
      [ "$last" != --ids ] || ids=$word
      [ "$word" != --sudo ] || asks=1
      last=$word
    done
    { read -r last last count </proc/self/uid_map; } 2>/dev/null
    if [ "$user" = 0 ] && [ "\${count:-4294967295}" -gt 2147483647 ]; then root=self
    # Root of a container that has but a few ids: there are none for the command's user to be somebody else.
    elif [ "$user" = 0 ] && [ -n "$ids" ] && [ $fuse = device ]; then without_root
    elif has sudo && sudo -n true </dev/null >/dev/null 2>&1; then root=sudo
    elif has doas && doas -n true </dev/null >/dev/null 2>&1; then root=doas
    elif [ -n "$asks" ] && has sudo; then root=asked
    elif [ -z "$ids" ]; then root=plain
    elif [ $fuse = device ] && [ -r /dev/fuse ] && [ -w /dev/fuse ]; then without_root
    fi
  }

  # Sets root, fence and enter by what works, root to none where nothing does.
  without_root() {
    uid=\${ids%%,*} gid=\${ids#*,}
    gid=\${gid%%,*}
    case $arch in
    x86_64) calls='272 165 157 125 126' ;;
    *) calls='97 40 167 90 91' ;;
    esac
    OUTRUN_PERL=$perl_unshare
    export OUTRUN_PERL
    fence=closed
    rootless 1 || { fence=open && rootless 0; } || root=none
    case $enter in perl*) ;; *) unset OUTRUN_PERL ;; esac
  }

  # Takes a password and lets sudo try it: a wrong one must not have sudo read on in what is the agent's. It is in no
  # argument and no file, as this shell's own printf hands it on.
  ask() {
    [ "$(command -v printf)" = printf ] || die 'its shell has no printf of its own: sudo cannot be given a password'
    say password
    IFS= read -r secret || exit 1
    heard=$(printf '%s\\n' "$secret" | sudo -k -S -p '' -- true 2>&1) && return
    newline='
'
    set -f
    say refused \${heard##*"$newline"}
    exit 1
  }

  # Sets fuse to the mode and owner of a device that is closed to us, bars to what is switched off, said to one word.
  why_not() {
    if [ $fuse = device ] && ! { [ -r /dev/fuse ] && [ -w /dev/fuse ]; }; then
      set -- $(ls -lnd /dev/fuse)
      fuse=closed:$1:$3:$4
    fi
    bars=''
    for key in user/max_user_namespaces=0 user/max_mnt_namespaces=0 user/max_pid_namespaces=0 \\
      kernel/unprivileged_userns_clone=0 kernel/apparmor_restrict_unprivileged_userns=1; do
      # dash reads bytes, of which these files give the first only: no more is looked at.
      value=''
      { read -r value <"/proc/sys/\${key%=*}"; } 2>/dev/null
      [ "$value" != "\${key#*=}" ] || bars=$bars,$key
    done
    [ -e /proc/self/ns/user ] || bars=$bars,kernel
    has unshare || has perl || bars=$bars,tools
    set -- $said
    said=$(IFS=_; echo "$*")
  }
`;
