#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs CRI-O from its own archive, which Debian has no package of, and the agent's OCI hook.
# Lima runs it at every start of the machine: what is done already is not done again.
set -eu

FETCH=${FETCH:-/usr/local/lib/tetragon-mini-lima/fetch-checked}
ETC=${ETC:-/etc}
PROGRAMS=${PROGRAMS:-/usr/local/bin}
DOWNLOADS=${DOWNLOADS:-/var/cache/tetragon-mini-lima}

CRIO=1.36.3

# Prints the architecture's name and the archive's SHA-256.
crio_archive() {
	case $1 in
	x86_64) echo amd64 fc2ece7cc22a505cca5e100438e4e58f7786f17b64467022e2d2019239c88349 ;;
	aarch64) echo arm64 749e5e5393a09ec93af6723410cf3554fb4b3b2fd7df2cb36a9acc427c3392cf ;;
	*)
		echo "tetragon-mini: CRI-O is not known for $1" >&2
		return 1
		;;
	esac
}

install_packages() {
	if command -v conntrack >/dev/null; then
		return
	fi
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends \
		bash ca-certificates conntrack curl ethtool iproute2 iptables kmod nftables procps socat
}

# Traffic of pods goes over a bridge, and through the host's filter.
prepare_kernel() {
	mkdir -p "$ETC/modules-load.d" "$ETC/sysctl.d"
	printf 'overlay\nbr_netfilter\n' >"$ETC/modules-load.d/tetragon-mini-lima.conf"
	{
		echo 'net.bridge.bridge-nf-call-iptables = 1'
		echo 'net.bridge.bridge-nf-call-ip6tables = 1'
		echo 'net.ipv4.ip_forward = 1'
	} >"$ETC/sysctl.d/90-tetragon-mini-lima.conf"
	modprobe --all overlay br_netfilter
	sysctl --quiet --load "$ETC/sysctl.d/90-tetragon-mini-lima.conf"
}

install_crio() {
	if [ -x "$PROGRAMS/crio" ]; then
		return
	fi
	archive=$(crio_archive "$(uname -m)")
	name=cri-o.${archive% *}.v$CRIO.tar.gz
	"$FETCH" "https://storage.googleapis.com/cri-o/artifacts/$name" \
		"${archive#* }" "$DOWNLOADS/$name"
	rm -rf "$DOWNLOADS/cri-o"
	tar -x -z -f "$DOWNLOADS/$name" -C "$DOWNLOADS"
	# Its own installer has a first line that names no shell.
	(cd "$DOWNLOADS/cri-o" && HOME=/root bash ./install >/dev/null)
	rm -rf "$DOWNLOADS/cri-o"
}

enable_network() {
	bridge=$ETC/cni/net.d/10-crio-bridge.conflist
	if [ -e "$bridge.disabled" ]; then
		mv "$bridge.disabled" "$bridge"
	fi
}

# A container starts also while the agent is built anew.
install_hook() {
	tetragon-mini hook install --runtime crio --on-failure start
}

main() {
	export DEBIAN_FRONTEND=noninteractive
	command -v tetragon-mini >/dev/null || {
		echo "tetragon-mini: there is no agent; see what agent.sh said before" >&2
		exit 1
	}
	install_packages
	prepare_kernel
	install_crio
	enable_network
	install_hook
	systemctl daemon-reload
	systemctl enable --now crio
}

[ -n "${FUNCTIONS_ONLY-}" ] || main
