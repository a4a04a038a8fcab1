#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The documentation is tested: its commands run and print what it shows, its links lead somewhere, its
# tables are those of the code. TAP on stdout. V picks the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
export V=${V:-release}

[ -x "build/$V/baton" ] || make -s V="$V" all
make -s tests/node_modules/.package-lock.json
exec node tests/docs/check.mjs "$@"
