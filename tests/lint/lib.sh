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
