#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# How code comes into the server and how processes are made: RTLD_NOW | RTLD_LOCAL and nothing else, no
# second set of libraries, no names offered to modules, and never a fork (the server has threads and
# an LMDB environment, which must not be used behind one).
. "$(dirname "$0")/lib.sh"

# Comments and strings do not count: they say why, and name what modules may not import.
scratch
ours 'core/*.c' 'core/*.h' 'channels/*.c' 'modules/*.c' | code_of >"$SCRATCH"
look '.*' 'RTLD_(DEEPBIND|GLOBAL)|\<dlmopen[[:space:]]*\(' 'modules are opened RTLD_NOW | RTLD_LOCAL'
look '.*' '[^A-Za-z0-9_.>](fork|vfork|_Fork|clone|clone3|daemon)[[:space:]]*\(' 'processes are made with posix_spawn'
opens=$(grep -E '^core/[^:]*\.c:.*[^A-Za-z0-9_]dlopen[[:space:]]*\(' "$SCRATCH" | cut -d: -f1 | sort -u)
for file in $opens; do
	grep -q "^$file:.*RTLD_LOCAL" "$SCRATCH" || finding "$file: dlopen without RTLD_LOCAL"
done
sed -i '\,^core/testhost/,d' "$SCRATCH" # keeps code mapped for those who look for leaks
look '.*' 'RTLD_NODELETE' 'what may stay mapped is decided by the static check'
for file in Makefile tests/tests.mk; do
	[ -f "$file" ] || continue
	hits=$(grep -n -E -e '-rdynamic|--export-dynamic' "$file" | grep -v '^[0-9]*:[[:space:]]*#' | cut -d: -f1 || true)
	for line in $hits; do finding "$file:$line: the server offers its names to modules"; done
done
verdict 'modules are opened alone and nothing forks'
