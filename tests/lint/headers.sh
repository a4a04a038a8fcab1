#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every header compiles alone as C; those of the module ABI also as C++17, with the warnings that a
# module's author may have on. What its own .c includes first the build has compiled alone already.
. "$(dirname "$0")/lib.sh"

CFLAGS=$(pkg-config --cflags libwebsockets libuv libcurl jansson yaml-0.1 openssl 2>/dev/null || true)
try() { # COMPILER FLAGS HEADER
	# shellcheck disable=SC2086
	if ! out=$(echo "#include \"$3\"" | $1 $2 -Icore/include -I. $CFLAGS -Wall -Wextra -Werror -fsyntax-only - 2>&1); then
		finding "$3 does not compile alone ($1): $(echo "$out" | grep -m1 -E 'error|warning' || echo '?')"
	fi
}
for header in $(ours 'core/*.h' 'channels/*.h'); do
	[ "$(grep -m1 '^#include' "${header%.h}.c" 2>/dev/null)" = "#include \"$header\"" ] ||
		try gcc '-x c -std=gnu11 -D_GNU_SOURCE' "$header"
	case $header in core/include/*)
		try clang '-x c -std=c11 -Wno-gnu-zero-variadic-macro-arguments' "$header"
		try g++ '-x c++ -std=c++17' "$header"
		;;
	esac
done
verdict 'headers compile alone'
