#!/bin/sh
# The privileged half of startSlurm(): a cluster of one node, alive for as long as its host.
#
#   slurm.sh DIR PID HIDDEN...     DIR holds slurm.conf and vanishes at the end; PID is the host's init
#
# The node is the host: its network, its name, its processes. Its files are this machine's, as Slurm has to be installed
# there, without ffmpeg, and with nothing in /tmp and in the HIDDEN folders: what a command finds there it has from here.
set -eu
case $1 in
node)
  dir=$2
  shift 2
  exec >>"$dir/log" 2>&1
  for path in /tmp "$@"; do mount -t tmpfs tmpfs "$path"; done
  for program in /usr/bin/ffmpeg /usr/bin/ffprobe; do [ ! -e $program ] || mount --bind /dev/null $program; done
  mount -t proc proc /proc
  mkdir "$dir/state" "$dir/spool"
  head -c 1024 /dev/urandom >"$dir/key"
  chmod 400 "$dir/key"
  munged --foreground --force --key-file "$dir/key" --socket "$dir/munge" --pid-file "$dir/munged.pid" \
    --log-file "$dir/munged.log" --seed-file "$dir/seed" &
  # Whoever finds the other one not there yet tries again after a minute.
  until [ -S "$dir/munge" ]; do sleep 0.05; done
  slurmctld -D -c -f "$dir/slurm.conf" &
  until SLURM_CONF="$dir/slurm.conf" scontrol ping | grep -q UP; do sleep 0.2; done
  slurmd -D -f "$dir/slurm.conf" &
  node=$!
  # A node that its controller does not hear of, or not of in time, is started anew.
  for _ in 1 2 3 4 5 6 7; do
    sleep 20
    case $(SLURM_CONF="$dir/slurm.conf" sinfo --noheader --format=%T || echo down) in
    unk* | down* | 'idle*') ;;
    *) break ;;
    esac
    kill "$node"
    wait "$node" || :
    slurmd -D -f "$dir/slurm.conf" &
    node=$!
  done
  wait
  ;;
*)
  dir=$1 pid=$2
  shift 2
  nsenter --target "$pid" --net --uts --ipc --pid -- unshare --mount --propagation private sh "$0" node "$dir" "$@" ||
    : # its end is the host's
  rm -rf --one-file-system "$dir"
  ;;
esac
