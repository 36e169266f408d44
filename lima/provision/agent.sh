#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the program from a copy of the mounted source tree and installs it as a service.
# Lima runs it at every start of the machine: what is done already is not done again.
set -eu

SOURCE=${SOURCE:-/mnt/tetragon-mini}
TREE=${TREE:-/opt/tetragon-mini}
PROGRAM=${PROGRAM:-/usr/local/bin/tetragon-mini}

say() { echo "tetragon-mini: $*" >&2; }
fail() {
	say "$*"
	exit 1
}

# Some kinds of mounts are made only when the machine can be reached, beside this script.
wait_for_source() {
	waited=0
	while [ -z "$(ls -A "$SOURCE" 2>/dev/null)" ] && [ "$waited" -lt 120 ]; do
		sleep 1
		waited=$((waited + 1))
	done
}

check_source() {
	[ -e "$SOURCE/tools/setup" ] ||
		fail "$SOURCE is not the source tree: limactl start --set '.param.source=\"'\"\$PWD\"'\"'"
	[ -e "$SOURCE/.git" ] || fail "$SOURCE has no .git: commits are what is built here"
}

install_tools() {
	if command -v git >/dev/null && command -v make >/dev/null && command -v curl >/dev/null; then
		return
	fi
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends ca-certificates curl git make python3
}

# What is built here must not appear on the computer, so it is a tree of its own.
fetch_source() {
	if [ -d "$TREE/.git" ]; then
		return
	fi
	# The mounted tree belongs to a user of the computer.
	if ! git config --system --get-all safe.directory | grep -qxF "$SOURCE/.git"; then
		git config --system --add safe.directory "$SOURCE"
		git config --system --add safe.directory "$SOURCE/.git"
	fi
	git clone --quiet "$SOURCE" "$TREE"
}

build_program() {
	if [ -x "$TREE/dist/tetragon-mini" ]; then
		return
	fi
	say "building $(git -C "$TREE" rev-parse --short HEAD)"
	make -C "$TREE" dist
}

install_program() {
	if [ -x "$PROGRAM" ]; then
		return
	fi
	"$TREE/dist/tetragon-mini" install
}

main() {
	export DEBIAN_FRONTEND=noninteractive
	wait_for_source
	check_source
	install_tools
	fetch_source
	build_program
	install_program
}

[ -n "${FUNCTIONS_ONLY-}" ] || main
