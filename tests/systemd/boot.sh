#!/bin/bash
# boot.sh FOLDER [PATH...]: the machine's own systemd as PID 1 of new namespaces, over a throw-away copy of the file system.
#
# FOLDER holds: notify (a datagram socket that is told READY=1), console.log (what systemd says). Each PATH is shown inside as it
# is outside, read-only, in case it lies on another file system than /. Nothing outside FOLDER and one control group is changed,
# and all of it is gone when this process is killed. Root only. Source: systemd "Container Interface"; unshare(1).
set -eu
PATH=$PATH:/usr/sbin:/sbin
folder=$1
shift

group=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/nemo-watch-test-$$
mkdir "$group"
echo "$group" > "$folder/cgroup"
echo $$ > "$group/cgroup.procs"

inside() {
  folder=$1
  shift
  root=$folder/root
  mount --make-rprivate /
  mkdir -p "$root" "$folder/disk"
  mount -t tmpfs tmpfs "$folder/disk" # a disk of its own: an overlay cannot keep its upper layer on another overlay
  mkdir "$folder/disk/upper" "$folder/disk/work"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/disk/upper,workdir=$folder/disk/work" "$root"

  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  devices "$root/dev"
  mkdir -p "$root/run/host"
  : > "$root/run/host/notify"
  mount --bind "$folder/notify" "$root/run/host/notify"
  for path in "$@"; do
    [ -e "$root$path" ] && [ -n "$(ls -A "$root$path")" ] && continue
    mkdir -p "$root$path"
    mount --rbind -o ro "$path" "$root$path"
  done

  : > "$root/etc/machine-id" # the first boot of a machine of its own
  printf '%s\n' '[Unit]' 'Requires=sysinit.target dbus.socket' 'After=sysinit.target' 'AllowIsolate=yes' \
    > "$root/etc/systemd/system/nemo-watch-test.target" # the usual target would start whatever else is installed here

  cd "$root"
  mkdir -p .outside
  pivot_root . .outside
  umount -l .outside
  mount --make-rshared / # without it LoadCredential= gives an empty folder
  export container=nemo-watch-test NOTIFY_SOCKET=/run/host/notify
  exec /lib/systemd/systemd --system --unit=nemo-watch-test.target --log-target=journal
}

devices() {
  mount -t tmpfs -o mode=755 tmpfs "$1"
  for name in null zero full random urandom tty; do
    : > "$1/$name"
    mount --bind "/dev/$name" "$1/$name"
  done
  mkdir "$1/pts" "$1/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$1/shm"
  ln -s pts/ptmx "$1/ptmx"
  ln -s /proc/self/fd "$1/fd"
  : > "$1/console"
  mount --bind "$folder/console.log" "$1/console"
}

: > "$folder/console.log"
export -f inside devices
exec unshare --pid --mount --ipc --uts --net --cgroup --fork --kill-child=SIGKILL \
  bash -euc 'ip link set lo up 2>/dev/null || true; inside "$@"' inside "$folder" "$@"
