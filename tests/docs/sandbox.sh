# SPDX-License-Identifier: Apache-2.0
# The inside of a page's sandbox, read by a bash that has mount, net and uts namespaces of its own.
# usage: sandbox.sh PROGRAM CONTRIB; commands come on standard input afterwards (see shell.py).
# What pages change in /etc, /usr, /var, /opt is in memory, and gone with the namespace.
set -e
base=/srv
mount -t tmpfs tmpfs "$base"
for directory in etc usr var opt; do
	mkdir -p "$base/upper/$directory" "$base/work/$directory"
	mount -t overlay overlay \
		-o "lowerdir=/$directory,upperdir=$base/upper/$directory,workdir=$base/work/$directory" \
		"/$directory"
done
mkdir -p "$base/home" "$base/demo" "$base/jobs" "$base/bin"
rm -rf /etc/tetragon /var/log/tetragon /var/lib/tetragon-mini /opt/tetragon
cp "$1" "$base/bin/tetragon-mini"
ln -s "$base/bin/tetragon-mini" "$base/demo/tetragon-mini"
cp -r "$2" "$base/demo/contrib"
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
hostname demo
umask 022
export HOME=$base/home PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:$base/bin LC_ALL=C.UTF-8
cd "$base/demo"
sudo() { "$@"; }
export -f sudo
set +e -m
# Whoever tells us what to do may be killed: what goes on then ends too.
trap 'for job in $(jobs -p); do kill -- -"$job"; done' EXIT
