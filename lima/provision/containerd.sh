#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs Debian's containerd with NRI, nerdctl, and tells the agent to be a plugin of NRI.
# Lima runs it at every start of the machine: what is done already is not done again.
set -eu

FETCH=${FETCH:-/usr/local/lib/tetragon-mini-lima/fetch-checked}
CONTAINERD_SETTINGS=${CONTAINERD_SETTINGS:-/etc/containerd/config.toml}
NERDCTL_SETTINGS=${NERDCTL_SETTINGS:-/etc/nerdctl/nerdctl.toml}
AGENT_SETTINGS=${AGENT_SETTINGS:-/etc/tetragon/tetragon.conf.d}
PROGRAMS=${PROGRAMS:-/usr/local/bin}
DOWNLOADS=${DOWNLOADS:-/var/cache/tetragon-mini-lima}

NERDCTL=2.3.0

# Prints the architecture's name and the archive's SHA-256.
nerdctl_archive() {
	case ${1:-$(uname -m)} in
	x86_64) echo amd64 e81f6f999cce35ed998cf24b922855d37306bf2ff0e4c0df80492d82b0b58fd6 ;;
	aarch64) echo arm64 7c53628e76cdb6bd7642f8aef7f838d413dd53957c6bbf5a78dc2208d58b81f1 ;;
	*)
		echo "tetragon-mini: nerdctl is not known for $1" >&2
		return 1
		;;
	esac
}

install_packages() {
	if command -v containerd >/dev/null; then
		return
	fi
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends \
		ca-certificates containerd containernetworking-plugins curl iptables runc
}

# containerd 1.7 has NRI, but off.
enable_nri() {
	if grep -q 'io\.containerd\.nri\.v1\.nri' "$CONTAINERD_SETTINGS"; then
		return
	fi
	printf '\n[plugins."io.containerd.nri.v1.nri"]\n  disable = false\n' >>"$CONTAINERD_SETTINGS"
	systemctl restart containerd
}

install_nerdctl() {
	if [ -x "$PROGRAMS/nerdctl" ]; then
		return
	fi
	archive=$(nerdctl_archive "$(uname -m)")
	name=nerdctl-$NERDCTL-linux-${archive% *}.tar.gz
	"$FETCH" "https://github.com/containerd/nerdctl/releases/download/v$NERDCTL/$name" \
		"${archive#* }" "$DOWNLOADS/$name"
	# Debian's plugins of CNI are not where nerdctl looks.
	mkdir -p "$(dirname "$NERDCTL_SETTINGS")"
	echo 'cni_path = "/usr/lib/cni"' >"$NERDCTL_SETTINGS"
	tar -x -z -f "$DOWNLOADS/$name" -C "$PROGRAMS" nerdctl
}

tell_agent() {
	if [ -e "$AGENT_SETTINGS/enable-nri" ]; then
		return
	fi
	mkdir -p "$AGENT_SETTINGS"
	echo true >"$AGENT_SETTINGS/enable-nri"
	systemctl try-restart tetragon-mini
}

main() {
	export DEBIAN_FRONTEND=noninteractive
	install_packages
	enable_nri
	tell_agent
	install_nerdctl
}

[ -n "${FUNCTIONS_ONLY-}" ] || main
