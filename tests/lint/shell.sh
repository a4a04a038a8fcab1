#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shell scripts pass shellcheck.
. "$(dirname "$0")/lib.sh"

for file in $(ours '*.sh'); do
	out=$(shellcheck -x -P SCRIPTDIR -e SC1091 -f gcc "$file" 2>&1 || true)
	findings_from '' "$out"
done
verdict 'shell scripts pass shellcheck'
