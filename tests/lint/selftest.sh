#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Each check must be able to fail: it is run over a small tree without faults, where it must pass,
# and over the same tree with one fault planted, where it must not.
set -eu
cd "$(dirname "$0")"
here=$(pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

spdx='/* SPDX-License-Identifier: Apache-2.0 */'

fresh() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/core/base" "$tree/core/include/baton" "$tree/core/session" "$tree/core/loop" \
		"$tree/channels/chat" "$tree/modules/rule-x" "$tree/build/release/modules" "$tree/.ci"
	printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho libuv1-dev\n' >"$tree/.ci/install"
	chmod +x "$tree/.ci/install"
	cp ../../.clang-format "$tree/"
	printf '%s\nint baton_ok(int a);\n' "$spdx" >"$tree/core/base/ok.h"
	# Prose and strings may name what code may not call: system(), strcpy().
	printf '%s\n/* no system(), no strcpy() */\n#include "core/base/ok.h"\n\nint baton_ok(int a)\n{\n\treturn a ? a : (int)sizeof("gets(x)");\n}\n' "$spdx" >"$tree/core/base/ok.c"
	printf '%s\nextern int baton_x;\n' "$spdx" >"$tree/core/include/baton/x.h"
	printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho fine\n' >"$tree/fine.sh"
	printf '# A page\n\nAll is well.\n' >"$tree/README.md"
	pure 'int pure_ok(int a) { return a; }'
	module 'const int baton_module_entry = 1;'
}

pure() {
	echo "$1" | gcc -x c -O0 -c -o "$tree/build/pure.o" -
	rm -f "$tree/build/release/libpure.a"
	ar rcs "$tree/build/release/libpure.a" "$tree/build/pure.o"
}

module() {
	{
		echo '__attribute__((section(".note.baton"), used)) static const int note = 1;'
		echo "$1"
	} | gcc -x c -shared -fPIC -o "$tree/build/release/modules/rule-x.so" -
}

# expect pass|fail CHECK WHAT
expect() {
	if LINT_ROOT=$tree V=release "$here/$2.sh" >"$tree/out" 2>&1; then got=pass; else got=fail; fi
	if [ "$got" = fail ] && ! grep -q '^not ok' "$tree/out"; then got='an error'; fi
	if [ "$got" != "$1" ]; then
		echo "# $2: $3: $1 expected, got $got"
		sed 's/^/#   /' "$tree/out"
		failed=$((failed + 1))
	fi
	rm -f "$tree/out"
}

add() { # FILE LINE...
	file=$tree/$1
	shift
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$@" >>"$file"
}

for check in banned spdx size includes packages pure exports loading headers format shell spell; do
	fresh
	expect pass "$check" 'a tree without faults'
done

fault() { # CHECK WHAT FILE LINE...
	fresh
	check=$1 what=$2
	shift 2
	add "$@"
	expect fail "$check" "$what"
}

fault banned 'strcpy' core/base/ok.c 'void baton_bad(char *p) { strcpy(p, "x"); }'
fault banned 'system' modules/rule-x/x.c "$spdx" 'int x(void) { return system("ls"); }'
fault banned 'malloc outside of mem.c' core/loop/x.c "$spdx" 'void *x(void) { return malloc(1); }'
fault banned 'printf outside of cli' core/loop/x.c "$spdx" 'void x(void) { printf("x"); }'
fault banned 'a long jump' core/loop/x.c "$spdx" 'void x(jmp_buf j) { longjmp(j, 1); }'
fault banned 'a long jump beside the file that may' core/journal/store_x.c "$spdx" 'int x(jmp_buf j) { return setjmp(j); }'
fault banned 'strcpy in the file that may jump' core/journal/store.c "$spdx" 'void x(char *p) { strcpy(p, "x"); }'
fault banned 'gmtime' channels/chat/x.c "$spdx" 'void *x(long *t) { return gmtime(t); }'
fault banned 'a thread in a module' modules/rule-x/x.c "$spdx" 'void x(void) { pthread_create(0, 0, 0, 0); }'
fresh
add core/journal/store.c "$spdx" 'int x(jmp_buf j) { if (setjmp(j)) return 1; longjmp(j, 1); }'
expect pass banned 'the one file that may jump'
fault spdx 'no licence line' core/base/x.c 'int x;'
fault includes 'base uses session' core/base/x.c "$spdx" '#include "core/session/session.h"'
fault includes 'session uses loop' core/session/x.c "$spdx" '#include "core/loop/loop.h"'
fault includes 'uv outside of loop' channels/chat/x.c "$spdx" '#include <uv.h>'
fault includes 'lmdb in session' core/session/x.c "$spdx" '#include <lmdb.h>'
fault includes 'lws in core' core/loop/x.c "$spdx" '#include <libwebsockets.h>'
fault includes 'core uses a channel' core/session/x.c "$spdx" '#include "channels/chat/chat.h"'
fault includes 'a channel uses the journal' channels/chat/x.c "$spdx" '#include "core/journal/journal.h"'
fault includes 'a module uses the core' modules/rule-x/x.c "$spdx" '#include "core/base/str.h"'
fault includes 'a header not named from the root' core/base/x.c "$spdx" '#include "ok.h"'
fault packages 'a library nobody installs' core/base/x.c "$spdx" '#include <lmdb.h>'
fault loading 'names of all modules shared' core/loop/x.c "$spdx" 'void *x(void) { return dlopen("x.so", RTLD_NOW | RTLD_GLOBAL); }'
fault loading 'RTLD_DEEPBIND' core/loop/x.c "$spdx" 'enum { X = RTLD_DEEPBIND };'
fault loading 'dlopen without a word on scope' core/loop/x.c "$spdx" 'void *x(void) { return dlopen("x.so", RTLD_NOW); }'
fault loading 'a second namespace' core/loop/x.c "$spdx" 'void *x(void) { return dlmopen(-1, "x.so", 2); }'
fault loading 'a fork' core/loop/x.c "$spdx" 'int x(void) { return fork(); }'
fault loading 'the server offers its names' Makefile 'LDFLAGS += -rdynamic'
fault headers 'a header that needs another' core/base/x.h "$spdx" 'size_t baton_x(void);'
fault headers 'an ABI header that is no C++' core/include/baton/y.h "$spdx" 'static inline int *y(void *class) { return class; }'
fault format 'two spaces' core/base/x.c "$spdx" 'int x(void)' '{' '  return 1;' '}'
fault shell 'an unquoted variable' x.sh '#!/bin/sh' "rm \$1/*"
fault spell 'a misspelt word' x.md "This is recie""ved."
fresh
awk 'BEGIN { for (i = 0; i < 720; i++) print "/* line */" }' >"$tree/core/base/x.c"
expect fail size 'a file of 720 lines'
fresh
awk 'BEGIN { print "int x(void)\n{"; for (i = 0; i < 71; i++) print "\t;"; print "}" }' >"$tree/core/base/x.c"
expect fail size 'a function of 71 lines'
fresh
awk 'BEGIN { printf "int "; for (i = 0; i < 101; i++) printf "x"; print ";" }' >"$tree/core/base/x.c"
expect fail size 'a line of 106 columns'
fresh
pure '#include <time.h>
long now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec; }'
expect fail pure 'a clock'
pure '#include <unistd.h>
long bytes(void) { char b[4]; return read(0, b, 4); }'
expect fail pure 'a read'
pure '#include <stdio.h>
void say(void) { fputs("x", stderr); }'
expect fail pure 'printing outside of the log'
fresh
rm "$tree/build/release/libpure.a"
expect fail pure 'no library'
fresh
module 'const int baton_module_entry = 1; int another;'
expect fail exports 'two symbols'
fresh
echo 'const int baton_module_entry = 1;' | gcc -x c -shared -fPIC -o "$tree/build/release/modules/rule-x.so" -
expect fail exports 'no note'

if [ "$failed" -gt 0 ]; then
	echo "not ok - every check can fail ($failed)"
	exit 1
fi
echo 'ok - every check can fail'
