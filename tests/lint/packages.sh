#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What is included is installed: each header of a library belongs to a package that .ci/install asks for by
# name. One that another package happens to bring is there today and gone tomorrow.
. "$(dirname "$0")/lib.sh"

architecture=$(gcc -print-multiarch)
# What comes with every compiler.
brought='^(libc6-dev|linux-libc-dev|libgcc-[0-9]+-dev|libcrypt-dev)$'

headers_of() { # PATTERN...: the angled ones, without ours and those of the compiler itself
	ours "$@" | xargs -r sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<([^>]*)>.*/\1/p' | sort -u |
		grep -Ev '^baton/' || true
}

# "PACKAGE HEADER" for each header that a package brought; libraries with a folder of their own say so.
owners() {
	folders="/usr/include /usr/include/$architecture $(pkg-config --cflags-only-I glib-2.0 2>/dev/null | sed 's/-I//g')"
	while IFS= read -r header; do
		for folder in $folders; do
			[ -f "$folder/$header" ] || continue
			echo "$folder/$header"
			break
		done
	done | xargs -r dpkg -S 2>/dev/null | sed -E 's/^([^:,]+)[^ ]* (.*)$/\1 \2/'
}

asked_for() { # build|test PATTERN...
	kind=$1
	shift
	wanted=$(.ci/install "$kind" --list)
	headers_of "$@" | owners | sort -u | while read -r package header; do
		if echo "$package" | grep -Eq "$brought" || echo "$wanted" | grep -qx "$package"; then continue; fi
		echo ".ci/install $kind: $package is missing, of which $header is included"
	done
}

findings_from '' "$(asked_for build 'core/*.[ch]' 'channels/*.[ch]' 'modules/*.[ch]')"
findings_from '' "$(asked_for test 'tests/*.[ch]')"
verdict 'what is included is installed'
