#!/bin/sh
# Prints the folder that holds the second host's root file system, after building it if it is not there: Debian's
# minimal variant with an SSH server and sudo. Built aside and renamed, so a folder of that name is always whole.
# The name carries the hash of this file: change the recipe and a new one is built.
set -eu

suite=bookworm
include=openssh-server,sudo,passwd,uidmap,busybox-static
absent="ffmpeg git gcc cc python python3"

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=$top/.cache/hosts
rootfs=$cache/rootfs-$(sha256sum "$0" | cut -c 1-16)

if [ "${1:-}" != --build ]; then
  "$top/scripts/packages" openssh-client iproute2 util-linux mount debootstrap debian-archive-keyring gpgv ca-certificates
  if [ ! -d "$rootfs" ]; then
    mkdir -p "$cache"
    echo "hosts: the second host's root file system is not in the cache yet" >&2
    # One build at a time; and in a mount namespace, so that what debootstrap mounts goes with it however it ends.
    flock "$cache/lock" unshare --mount sh "$0" --build >&2
  fi
  echo "$rootfs"
  exit
fi

[ ! -d "$rootfs" ] || exit 0 # someone else built it while this one waited for the lock

# The mirror that this machine's apt would fetch from (asked so that it need not have fetched yet) or, where that is a
# file of mirrors, the first one in it.
mirror=$(apt-get update --print-uris | sed -n "s,^'\(.*debian.*\)/dists/[a-z]*/main/binary.*,\1,p" | sed -n 1p)
case $mirror in
mirror+file:*) mirror=$(sed -n 's,^\([a-z]*://[^[:space:]]*\).*,\1,p' "${mirror#mirror+file:}" | sed -n 1p) ;;
esac
[ -n "$mirror" ] || { echo "Cannot build the second host: apt knows no Debian mirror; add one to its sources" >&2; exit 1; }
# And through the proxy that apt uses.
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
[ -z "${https_proxy:-}" ] || export https_proxy

part=$rootfs.part
log=$cache/debootstrap.log
rm -rf "$cache"/*.part
echo "hosts: building it (once, a minute or two)"
debootstrap --variant=minbase --include="$include" "$suite" "$part" "$mirror" 2>&1 | tee "$log" | awk '
  /^I: Retrieving/ && ++got % 25 == 0 { print "hosts:   " got " packages fetched" }
  /^I: (Extracting|Unpacking|Configuring)/ && $2 != step { step = $2; print "hosts:   " tolower(step) " packages" }
  /^[EW]:/ { print "hosts:   " $0 }
  { fflush() }'
tail -n 1 "$log" | grep -q 'Base system installed successfully' || {
  echo "Cannot build the second host: debootstrap failed; its report is $log"
  exit 1
}

# What differs from host to host is written when one starts.
rm -rf "$part"/etc/ssh/ssh_host_* "$part"/etc/hostname "$part"/etc/resolv.conf "$part"/etc/apt/sources.list* \
  "$part"/var/cache/apt/*.bin "$part"/var/cache/apt/archives/*.deb "$part"/var/lib/apt/lists/*
for program in $absent; do
  if chroot "$part" sh -c "command -v $program"; then
    echo "Cannot use the second host's root file system: it holds $program"
    exit 1
  fi
done
mv "$part" "$rootfs"

