#!/bin/sh
# Prints a folder with a kernel for virtual machines, after making it if it is not there: `vmlinuz`, Debian's kernel for
# clouds, and `initrd`, which finds the root file system on the first disk and the network on the first card. Nothing of
# it is installed on this machine. Made aside and renamed, so a folder of that name is always whole.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=$top/.cache/machines
"$top/scripts/packages" qemu-system-x86 e2fsprogs openssh-client
kernel=$cache/kernel-$(sha256sum "$0" | cut -c 1-16)
[ ! -d "$kernel" ] || { echo "$kernel"; exit; }

mkdir -p "$cache"
part=$(mktemp -d "$cache/kernel.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM
cd "$part"
image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$image" ] || { echo "Cannot find Debian's kernel: apt has no lists; run apt-get update" >&2; exit 1; }
echo "machines: fetching $image" >&2
apt-get -qq -o APT::Sandbox::User=root download "$image" busybox-static >&2
for package in ./*.deb; do dpkg-deb -x "$package" all; done
cp all/boot/vmlinuz-* vmlinuz
version=$(basename all/lib/modules/*)

# What is built into this kernel is not found, and not needed.
mkdir -p tree/bin "tree/lib/modules/$version" tree/proc tree/sys tree/dev tree/root
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_net failover \
  net_failover rng-core virtio-rng ext4 jbd2 mbcache crc16 libcrc32c crc32c_generic crc32c-intel fuse; do
  find "all/lib/modules/$version" -name "$module.ko" -exec cp {} "tree/lib/modules/$version" \;
done
cp "all/lib/modules/$version"/modules.builtin* "all/lib/modules/$version/modules.order" "tree/lib/modules/$version"
find all -name busybox -type f -perm /1 -exec cp {} tree/bin \;
tree/bin/busybox depmod -b "$part/tree" "$version"
cat >tree/init <<'INIT'
#!/bin/busybox sh
PATH=/bin
for applet in sh mount modprobe ip sleep switch_root; do /bin/busybox ln -s busybox /bin/$applet; done
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in virtio_pci virtio_blk virtio_net virtio-rng crc32c ext4 fuse; do modprobe $module 2>/dev/null; done
# The address that QEMU's own network gives to its first guest.
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root
for folder in proc sys dev; do mount -o move /$folder /root/$folder; done
exec switch_root /root /boot/start
INIT
chmod 755 tree/init
(cd tree && find . | bin/busybox cpio -o -H newc 2>/dev/null | gzip -1) >initrd
rm -rf all tree ./*.deb
mv "$part" "$kernel"
trap - EXIT
echo "$kernel"
