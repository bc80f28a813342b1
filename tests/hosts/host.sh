#!/bin/sh
# The privileged half of startHost(): a second host made of namespaces, alive for as long as stdin stays open.
#
#   host.sh DIR ROOTFS      DIR is the starter's private folder and vanishes at the end
#
# In DIR: host_key, authorized_keys, sshd_config (written by the starter), log (of this script and of sshd; also on
# stderr when the start fails). Options come in the environment, see start_host.ts. Says on stdout: `pid N` (of the host's init, as seen here),
# `veth NAME`, `address A`, `up`; after that nothing.
#
# Why nothing is left behind: the host's init waits at stdin, a pipe from the starter. However the starter ends, init
# reads end-of-file and exits, and with the pid namespace's init go all its processes; with those the mount and
# network namespaces, the overlay, the tmpfs and the veth pair.
set -eu

supervise() {
  status=0
  unshare --pid --fork --kill-child --net --mount --uts --ipc sh "$0" boot "$dir" "$rootfs" 8</proc/self/ns/net \
    2>>"$dir/log" || status=$?
  [ "$status" = 0 ] || cat "$dir/log" >&2
  rm -rf --one-file-system "$dir"
  exit "$status"
}

boot() {
  read -r pid _ </proc/self/stat # still the /proc of outside
  echo "pid $pid"
  root=$dir/root
  echo "$HOST_NAME" >/proc/sys/kernel/hostname
  make_link
  make_root
  make_devices
  make_files
  make_users
  cd "$root"
  mkdir -p .outside
  pivot_root . .outside
  umount -l /.outside
  rmdir /.outside
  if [ "$HOST_KIND" = musl ]; then
    dropbearconvert openssh dropbear /etc/dropbear/openssh_key /etc/dropbear/key
    server='/usr/sbin/dropbear -F -E -r /etc/dropbear/key -p 0.0.0.0:22'
  else
    server='/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config'
    /usr/sbin/sshd -t -f /etc/ssh/sshd_config
  fi
  echo up
  # `exit` keeps the shell there: it is the one that reaps orphans.
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c "$server >/dev/null </dev/null 8<&- & exec >/dev/null 8<&-; cat; exit"
}

outside() {
  nsenter --net=/proc/self/fd/8 -- "$@"
}

# A veth pair, its outer end named after the /30 of 10.213.0.0/16 that it claims: names are unique, so is the range.
make_link() {
  number=$((pid * 37 % 16384))
  until outside ip link add "outrun$number" type veth peer name eth0 netns 1 2>/dev/null; do
    tries=$((${tries:-0} + 1))
    [ "$tries" -lt 100 ] || { echo "Cannot add a veth pair: 100 names are taken or the kernel refuses" >&2; exit 1; }
    number=$(((number + 1) % 16384))
  done
  echo "veth outrun$number"
  net=10.213.$((number / 64))
  low=$((number % 64 * 4))
  outside ip address add "$net.$((low + 1))/30" dev "outrun$number"
  outside ip link set "outrun$number" up
  ip address add "$net.$((low + 2))/30" dev eth0
  ip link set lo up
  ip link set eth0 up
  echo "address $net.$((low + 2))"
}

tmpfs() { # PATH MODE [SIZE]
  mkdir -p "$1"
  mount -t tmpfs -o "mode=$2${3:+,size=$3}" tmpfs "$1"
}

# The cached root below, a fresh tmpfs above.
make_root() {
  mkdir "$root"
  tmpfs "$dir/store" 755 "$HOST_SIZE"
  mkdir "$dir/store/upper" "$dir/store/work" "$dir/lower"
  mount --bind "$rootfs" "$dir/lower"
  mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/store/upper,workdir=$dir/store/work" overlay "$root"
  mount -t proc proc "$root/proc"
  # As container engines do: whoever makes a user namespace there is refused a /proc of his own.
  [ -z "$HOST_MASK_PROC" ] || mount --bind /dev/null "$root/proc/interrupts"
  mount -t sysfs sysfs "$root/sys"
  mount -t fusectl fusectl "$root/sys/fs/fuse/connections"
  tmpfs "$root/run" 755 "$HOST_SIZE"
  mkdir -m 755 "$root/run/sshd"
  [ -z "$HOST_HOME_SIZE" ] || tmpfs "$root/root" 700 "$HOST_HOME_SIZE"
}

make_devices() {
  dev=$root/dev
  tmpfs "$dev" 755
  mknod -m 666 "$dev/null" c 1 3
  mknod -m 666 "$dev/zero" c 1 5
  mknod -m 666 "$dev/full" c 1 7
  mknod -m 666 "$dev/random" c 1 8
  mknod -m 666 "$dev/urandom" c 1 9
  mknod -m 666 "$dev/tty" c 5 0
  mknod -m "$HOST_FUSE_MODE" "$dev/fuse" c 10 229
  ln -s /proc/self/fd "$dev/fd"
  ln -s fd/0 "$dev/stdin"
  ln -s fd/1 "$dev/stdout"
  ln -s fd/2 "$dev/stderr"
  ln -s pts/ptmx "$dev/ptmx"
  mkdir "$dev/pts"
  mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$dev/pts"
  tmpfs "$dev/shm" 1777 "$HOST_SIZE"
}

make_files() {
  echo "$HOST_NAME" >"$root/etc/hostname"
  printf '127.0.0.1 localhost %s\n' "$HOST_NAME" >"$root/etc/hosts"
  echo "nameserver 127.0.0.1" >"$root/etc/resolv.conf"
  if [ "$HOST_KIND" = musl ]; then
    install -D -m 600 "$dir/host_key" "$root/etc/dropbear/openssh_key"
    install -D -m 600 "$dir/authorized_keys" "$root/root/.ssh/authorized_keys"
  else
    install -m 600 "$dir/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
    install -m 644 "$dir/sshd_config" "$root/etc/ssh/sshd_config"
    install -D -m 644 "$dir/authorized_keys" "$root/etc/ssh/authorized_keys"
  fi
  echo "$HOST_REMOVE" | while read -r path; do
    [ -z "$path" ] || rm -rf "${root:?}$path"
  done
}

# HOST_USERS: `name:uid` words, `name:uid:ranges` for one who has ranges of user and group ids. The password `*` keeps an sshd without PAM from taking them for locked.
make_users() {
  for user in $HOST_USERS; do
    name=${user%%:*}
    uid=${user#*:}
    home=/home/$name
    [ -z "$HOST_HOME_SIZE" ] || tmpfs "$root$home" 755 "$HOST_HOME_SIZE"
    if [ "$HOST_KIND" = musl ]; then
      chroot "$root" adduser -D -u "${uid%:*}" -s /bin/sh "$name"
      install -D -m 600 "$dir/authorized_keys" "$root$home/.ssh/authorized_keys"
    else
      chroot "$root" useradd --uid "${uid%:*}" --user-group --create-home --shell /bin/bash --password '*' "$name"
      for file in subuid subgid; do
        sed -i "/^$name:/d" "$root/etc/$file"
        [ "$uid" = "${uid%:ranges}" ] || echo "$name:$((100000 + ${uid%:*} * 65536)):65536" >>"$root/etc/$file"
      done
    fi
    chroot "$root" chown -R "$name:" "$home"
  done
}

case $1 in
boot)
  dir=$2 rootfs=$3
  boot
  ;;
*)
  dir=$1 rootfs=$2
  supervise
  ;;
esac
