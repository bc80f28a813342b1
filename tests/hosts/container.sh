#!/bin/sh
# The engine's half of startContainer(): a container that lives for as long as stdin stays open.
#
#   container.sh DIR ROOTFS NAME [FLAG...]     DIR is the starter's private folder and vanishes at the end
#
# Says `up` on stdout when the container runs. Its process 1 waits at stdin, a pipe from the starter: however that ends,
# the container does too, and podman, which is no child of the starter's group, takes away what it has made.
set -eu
dir=$1 rootfs=$2 name=$3
shift 3

status=0
podman run --rm --interactive --name "$name" --hostname "$name" --network none "$@" --rootfs "$rootfs:O" \
  sh -c 'echo up; cat; exit' 2>"$dir/log" || status=$?
[ "$status" = 0 ] || cat "$dir/log" >&2
# What podman leaves of itself: its parent of cgroups, a mount of its storage. The last helper may be about to end, and
# another container may still be in there.
for try in $(seq 20); do
  rmdir /sys/fs/cgroup/libpod_parent/conmon /sys/fs/cgroup/*/libpod_parent/conmon 2>/dev/null || :
  rmdir /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent 2>/dev/null || :
  ls -d /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent >/dev/null 2>&1 || break
  [ "$try" = 20 ] || sleep 0.1
done
umount -q "$dir/storage/overlay" 2>/dev/null || :
rm -rf --one-file-system "$dir"
exit "$status"
