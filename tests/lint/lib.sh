# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What the checks of this folder share: sourced by each. A check calls `finding` for everything it
# does not like and ends with `verdict`, which prints one TAP line and sets the exit code.
# LINT_ROOT names another tree to look at: the self-test plants findings there.

set -eu
LINT_DIR=$(cd "$(dirname "$0")" && pwd)
cd "${LINT_ROOT:-$LINT_DIR/../..}"
V=${V:-release}
findings=0

finding() {
	echo "# $*"
	findings=$((findings + 1))
}

# One finding per line of standard input.
findings_from() {
	while IFS= read -r line; do
		if [ -n "$line" ]; then finding "$1$line"; fi
	done <<EOF
$2
EOF
}

verdict() {
	if [ "$findings" -gt 0 ]; then
		echo "not ok - $1 ($findings)"
		exit 1
	fi
	echo "ok - $1"
}

# Files of ours with one of the given extensions, below the given folders: what git knows, or
# (outside of a repository) what is there.
ours() {
	if [ -d .git ] || [ -f .git ]; then
		git ls-files -co --exclude-standard -- "$@"
	else
		for pattern in "$@"; do
			find . -path ./build -prune -o -type f -name "${pattern##*/}" -print | sed 's,^\./,,'
		done
	fi | sort -u | while IFS= read -r file; do
		if [ -f "$file" ]; then echo "$file"; fi
	done
}

# "FILE:LINE:code" of the C files named on standard input, without comments, strings and character
# literals. All files in one go: a process for each would be most of what the checks cost.
code_of() {
	# shellcheck disable=SC2016
	xargs -r awk '
	FNR == 1 { in_comment = 0 }
	{
		out = ""; line = $0
		while (length(line)) {
			if (in_comment) {
				end = index(line, "*/")
				if (!end) { line = ""; break }
				line = substr(line, end + 2); in_comment = 0
			} else if (match(line, /\/\*|\/\/|"|'"'"'/)) {
				out = out substr(line, 1, RSTART - 1)
				token = substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
				if (token == "/*") in_comment = 1
				else if (token == "//") line = ""
				else {
					while (length(line)) {
						c = substr(line, 1, 1); line = substr(line, 2)
						if (c == "\\") line = substr(line, 2)
						else if (c == token) break
					}
					out = out "\"\""
				}
			} else { out = out line; line = "" }
		}
		if (out != "") print FILENAME ":" FNR ":" out
	}'
}

# A file for what `code_of` says; gone when the check ends.
scratch() {
	SCRATCH=$(mktemp)
	trap 'rm -f "$SCRATCH"' EXIT
}

# look FILES PATTERN WHY: what the scratch file says of files that match FILES, where it matches PATTERN.
look() {
	findings_from '' "$(grep -E "^($1):[0-9]+:" "$SCRATCH" | grep -E "$2" | cut -d: -f1,2 | while IFS= read -r at; do
		echo "$at: $3"
	done)"
}
