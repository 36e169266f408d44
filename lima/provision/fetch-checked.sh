#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Downloads a file whose SHA-256 is known. Nothing is left of one that is not that file.
# usage: fetch-checked URL SHA256 FILE
set -eu

fail() {
	echo "fetch-checked: $*" >&2
	exit 1
}

# has_sum FILE SHA256
has_sum() {
	[ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$2" ]
}

# fetch_checked URL SHA256 FILE
fetch_checked() {
	if has_sum "$3" "$2"; then
		return
	fi
	mkdir -p "$(dirname "$3")"
	curl --fail --silent --show-error --location --proto '=https' --retry 3 \
		--output "$3.part" "$1" || fail "could not download $1"
	if ! has_sum "$3.part" "$2"; then
		found=$(sha256sum <"$3.part" | cut -d ' ' -f 1)
		rm -f "$3.part"
		fail "$1 is another file than expected: its SHA-256 is $found, not $2"
	fi
	mv "$3.part" "$3"
}

if [ -z "${FUNCTIONS_ONLY-}" ]; then
	[ $# = 3 ] || fail "usage: fetch-checked URL SHA256 FILE"
	fetch_checked "$@"
fi
