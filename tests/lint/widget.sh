#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What is served of the widget is what its sources say, and every language has every sentence. The build
# needs what `npm ci` in tests/ brings; where that is not installed, this check says that it was skipped.
. "$(dirname "$0")/lib.sh"

if [ ! -d tests/node_modules/esbuild ] || [ ! -d tests/node_modules/terser ] || ! command -v node >/dev/null; then
	echo 'ok - the built widget is what its sources say # SKIP no esbuild and terser: npm ci in tests/'
	exit 0
fi
findings_from '' "$(node channels/web/build.mjs --check 2>&1 || true)"
verdict 'the built widget is what its sources say, in every language'
