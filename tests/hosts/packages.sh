#!/bin/sh
# Installs what the rig needs on this machine (Debian, root): a line a step on stderr, nothing at all when nothing is
# missing. No sshd among it: that one lives in the second host's root file system alone.
set -eu

missing=
for package in openssh-client iproute2 util-linux mount debootstrap debian-archive-keyring gpgv ca-certificates; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "Cannot install$missing: not root; run this as root" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
apt="apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
echo "hosts: refreshing the package lists" >&2
$apt update >/dev/null || echo "hosts: some package lists are out of date" >&2
echo "hosts: installing$missing" >&2
# shellcheck disable=SC2086 # lists of words
$apt install --no-install-recommends -y $missing >/dev/null
