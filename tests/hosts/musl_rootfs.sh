#!/bin/sh
# Prints the folder of a root file system like Alpine's, after building it if it is not there: musl, busybox and
# dropbear, from Debian's source packages, and not one file of glibc. Cached as rootfs.sh's is, by the hash of this file.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=$top/.cache/hosts
rootfs=$cache/musl-$(sha256sum "$0" | cut -c 1-16)
work=$rootfs.part
log=$cache/musl.log

fail() {
  echo "Cannot build the host with musl: $1; the report is $log" >&2
  exit 1
}

if [ "${1:-}" != --build ]; then
  "$top/scripts/packages" musl musl-tools linux-libc-dev make gcc libc6-dev bzip2 xz-utils util-linux \
    debian-archive-keyring ca-certificates
  if [ ! -d "$rootfs" ]; then
    mkdir -p "$cache"
    echo "hosts: the root file system of the host with musl is not in the cache yet; building it (once, some minutes)" >&2
    flock "$cache/musl.lock" sh "$0" --build >&2
  fi
  echo "$rootfs"
  exit
fi

[ ! -d "$rootfs" ] || exit 0 # someone else built it while this one waited for the lock
rm -rf "$cache"/musl-*.part
mkdir -p "$work/apt/lists/partial" "$work/source" "$work/include" "$work/root"

# The sources of the release that apt already uses, from the place it uses: its own lists may hold no sources.
index=$(apt-get update --print-uris | sed -n "s,^'\(.*debian\)/dists/\([a-z]*\)/main/binary.*,\1 \2 main,p
s,^'\(.*debian\)/dists/\([a-z]*\)/InRelease.*,\1 \2 main,p" | sed -n 1p)
[ -n "$index" ] || fail "apt knows no Debian mirror; add one to its sources"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $index" >"$work/apt/sources.list"
fetch() {
  apt-get -qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/apt/lists" -o APT::Sandbox::User=root "$@"
}
fetch update >"$log" 2>&1 || fail "the list of Debian's sources cannot be fetched"
(cd "$work/source" && fetch source --download-only busybox dropbear) >>"$log" 2>&1 ||
  fail "the sources of busybox and dropbear cannot be fetched"
for archive in "$work"/source/*.orig.tar.*z*; do
  case $archive in *.asc) ;; *) tar -xf "$archive" -C "$work/source" ;; esac
done

# musl-gcc leaves out all of /usr/include; of that, the kernel's own headers do no harm.
for part in linux asm-generic mtd; do ln -s "/usr/include/$part" "$work/include/$part"; done
for part in "/usr/include/$(uname -m)-linux-gnu/asm" /usr/include/asm; do
  [ -d "$part" ] && ln -s "$part" "$work/include/asm" && break
done
flags="-idirafter $work/include"

# Without what no host here runs: half of the time.
busybox() {
  cd "$work"/source/busybox-*/ &&
    make defconfig &&
    for section in 'Console Utilities,Editors' 'Init Utilities,Login' 'Linux Ext2,Linux System' \
      'Miscellaneous Utilities,Process' 'Runit Utilities,Shells' 'System Logging,$'; do
      sed -i "/^# ${section%,*}/,/^# ${section#*,}/s/^\(CONFIG_[A-Z0-9_]*\)=y/# \1 is not set/" .config
    done &&
    make -j"$(nproc)" CC="musl-gcc $flags" HOSTCC=gcc CONFIG_EXTRA_CFLAGS=-O1 busybox &&
    mkdir -p "$work/root/bin" &&
    cp busybox "$work/root/bin/busybox"
}

dropbear() {
  cd "$work"/source/dropbear-*/ &&
    ./configure --disable-zlib --disable-lastlog --disable-utmp --disable-utmpx --disable-wtmp --disable-wtmpx \
      CC="musl-gcc $flags" &&
    echo '#define DROPBEAR_SVR_PASSWORD_AUTH 0' >localoptions.h &&
    make -j"$(nproc)" PROGRAMS="dropbear dropbearconvert" &&
    mkdir -p "$work/root/usr/sbin" "$work/root/usr/bin" &&
    cp dropbear "$work/root/usr/sbin/" &&
    cp dropbearconvert "$work/root/usr/bin/"
}

for program in busybox dropbear; do
  echo "hosts:   $program"
  ($program) >>"$log" 2>&1 </dev/null || fail "$program does not compile"
done

root=$work/root
mkdir -p "$root/lib" "$root/sbin" "$root/etc/dropbear" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/home" \
  "$root/mnt" "$root/var/log" "$root/usr/local/bin" "$root/usr/lib"
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
cp "/lib/$(uname -m)-linux-musl/libc.so" "$root/lib/ld-musl-$(uname -m).so.1"
for applet in $(chroot "$root" /bin/busybox --list-full); do
  mkdir -p "$root/${applet%/*}"
  ln -s /bin/busybox "$root/$applet" 2>/dev/null || true
done
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
printf 'root:*:19000:0:99999:7:::\n' >"$root/etc/shadow"
echo /bin/sh >"$root/etc/shells"
[ -z "$(find "$root" -name 'libc.so.6' -o -name 'ld-linux*')" ] || fail "there is glibc in it"
chroot "$root" /bin/sh -c 'echo it runs' >>"$log" 2>&1 || fail "its shell does not start"
mv "$root" "$rootfs"
rm -rf "$work"
