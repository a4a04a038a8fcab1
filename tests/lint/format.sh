#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# C is laid out by clang-format and .clang-format of the root. The ABI headers, contracts and tables
# that are laid out by hand for reading are not touched: only .c files are held to it.
. "$(dirname "$0")/lib.sh"

files=$(ours 'core/*.c' 'channels/*.c' 'modules/*.c' 'tests/*.c')
if [ -n "$files" ]; then
	# shellcheck disable=SC2086
	out=$(clang-format --dry-run $files 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+: warning' | cut -d: -f1 | sort | uniq -c | awk '{ print $2 ": " $1 " places" }' || true)
	findings_from '' "$out"
fi
verdict 'C is laid out as .clang-format says'
