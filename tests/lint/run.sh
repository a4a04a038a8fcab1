#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# All checks of this folder, one TAP line each (and a comment per finding). Arguments pick some of
# them by name.
set -eu
cd "$(dirname "$0")"
failed=0
checks=${*:-banned spdx size includes packages pure exports loading headers format shell spell widget selftest}
echo "1..$(echo "$checks" | wc -w)"
for check in $checks; do
	"./$check.sh" || failed=$((failed + 1))
done
[ "$failed" -eq 0 ]
