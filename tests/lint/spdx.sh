#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The first lines of every source file name its licence. Policy sets are no source: admins copy them.
. "$(dirname "$0")/lib.sh"

for file in $(ours '*.c' '*.h' '*.def' '*.sh' '*.mjs' '*.js' '*.css' '*.html' '*.py' '*.mk' Makefile '*.map' '*.yaml' '*.yml'); do
	case $file in
	tests/data/* | policies/* | *.map | */testdata/* | tests/*/corpus/*) continue ;;
	core/include/baton/*) limit=2 ;;
	*) limit=2 ;;
	esac
	head -n "$limit" "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || finding "$file: no SPDX line"
done
verdict 'every source file names its licence'
