#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A module exports exactly one symbol, carries its note, and does not link what the host gives it.
. "$(dirname "$0")/lib.sh"

dir=${LINT_MODULES:-build/$V/modules}
count=0
for so in "$dir"/*.so; do
	[ -f "$so" ] || continue
	count=$((count + 1))
	symbols=$(nm -D --defined-only "$so" | awk 'NF == 3 { print $3 }' | grep -v '^__\(asan\|ubsan\|odr_asan\|tsan\)' | tr '\n' ' ')
	[ "$symbols" = 'baton_module_entry ' ] || finding "$so exports: $symbols"
	readelf -S -W "$so" | grep -q '\.note\.baton' || finding "$so: no .note.baton"
	readelf -d "$so" | grep -Eq 'NEEDED.*(libuv|libcurl|liblmdb|libwebsockets)' && finding "$so links a library of the host"
	readelf -l -W "$so" | grep -q 'GNU_STACK.*RWE' && finding "$so: executable stack"
done
[ "$count" -gt 0 ] || finding "no module in $dir"
verdict "each of $count modules exports one symbol"
