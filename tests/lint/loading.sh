#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# How code comes into the server and how processes are made: RTLD_NOW | RTLD_LOCAL and nothing else, no
# second set of libraries, no names offered to modules, and never a fork (the server has threads and
# an LMDB environment, which must not be used behind one).
. "$(dirname "$0")/lib.sh"

# Comments and strings do not count: they say why, and name what modules may not import.
bare() {
	sed -e 's,//.*,,' -e 's/"[^"]*"/""/g' "$1" | awk '
	{
		out = ""; line = $0
		while (length(line)) {
			if (inside) { e = index(line, "*/"); if (!e) break; line = substr(line, e + 2); inside = 0 }
			else { b = index(line, "/*"); if (!b) { out = out line; break }
				out = out substr(line, 1, b - 1); line = substr(line, b + 2); inside = 1 }
		}
		print FNR ":" out
	}'
}

look() { # FILE WORDS WHY
	hits=$(bare "$1" | grep -E "$2" | cut -d: -f1 || true)
	for line in $hits; do finding "$1:$line: $3"; done
}

for file in $(ours 'core/*.c' 'core/*.h' 'channels/*.c' 'modules/*.c'); do
	case $file in
	core/testhost/*) ;; # keeps code mapped for those who look for leaks
	*) look "$file" 'RTLD_NODELETE' 'what may stay mapped is decided by the static check' ;;
	esac
	look "$file" 'RTLD_(DEEPBIND|GLOBAL)|\<dlmopen[[:space:]]*\(' 'modules are opened RTLD_NOW | RTLD_LOCAL'
	look "$file" '(^|[^A-Za-z0-9_.>])(fork|vfork|_Fork|clone|clone3|daemon)[[:space:]]*\(' 'processes are made with posix_spawn'
done
for file in $(ours 'core/*.c'); do
	if bare "$file" | grep -Eq '(^|[^A-Za-z0-9_])dlopen[[:space:]]*\('; then
		bare "$file" | grep -Eq 'RTLD_LOCAL' || finding "$file: dlopen without RTLD_LOCAL"
	fi
done
for file in Makefile tests/tests.mk; do
	[ -f "$file" ] || continue
	hits=$(grep -n -E -e '-rdynamic|--export-dynamic' "$file" | grep -v '^[0-9]*:[[:space:]]*#' | cut -d: -f1 || true)
	for line in $hits; do finding "$file:$line: the server offers its names to modules"; done
done
verdict 'modules are opened alone and nothing forks'
