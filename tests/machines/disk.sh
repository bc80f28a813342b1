#!/bin/sh
# Makes a disk for a virtual machine out of a root file system, which it leaves as it is:
#
#   disk.sh DIR ROOTFS NAME      in DIR: host_key, authorized_keys, sshd_config → disk
#
# In a mount namespace of its own, so that nothing of it is left however it ends.
set -eu
[ "${4:-}" = inside ] || exec unshare --mount sh "$0" "$@" inside
dir=$1 rootfs=$2 name=$3

mkdir "$dir/mnt"
mount -t tmpfs tmpfs "$dir/mnt"
cd "$dir/mnt"
mkdir lower upper work root
mount --bind "$rootfs" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root
cd root
echo "$name" >etc/hostname
printf '127.0.0.1 localhost %s\n' "$name" >etc/hosts
mkdir -p etc/ssh boot
install -m 600 "$dir/host_key" etc/ssh/ssh_host_ed25519_key
install -m 644 "$dir/sshd_config" etc/ssh/sshd_config
install -m 644 "$dir/authorized_keys" etc/ssh/authorized_keys
cat >boot/start <<'START'
#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
hostname "$(cat /etc/hostname)"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666,mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
[ ! -c /dev/fuse ] || chmod 666 /dev/fuse
ln -sf /proc/self/fd /dev/fd
exec /usr/sbin/sshd -D -e
START
chmod 755 boot/start
mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 -d . "$dir/disk" 2G
