#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The pure core makes no system call: what libpure.a takes from outside is memory, strings and
# formatting, nothing that reads a clock, a file, a socket or chance. The list is what is allowed;
# anything new is a finding, so nothing slips in by name.
. "$(dirname "$0")/lib.sh"

lib=${LINT_PURE:-build/$V/libpure.a}
[ -f "$lib" ] || { finding "$lib is not built"; verdict 'the pure core makes no system call'; }

allowed='malloc calloc realloc free malloc_trim abort
memcpy memmove memset memcmp memchr memrchr memmem strlen strnlen strcmp strncmp strchr strrchr strstr strtok_r
strtol strtoul strtoll strtoull strtod __isoc23_strtol __isoc23_strtoul __isoc23_strtoull
snprintf vsnprintf qsort bsearch
__memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk __strncat_chk __explicit_bzero_chk explicit_bzero
__stack_chk_fail __ctype_b_loc __errno_location _GLOBAL_OFFSET_TABLE_
floor ceil sqrt log exp pow fmod lround llround isnan
fwrite fputs fputc stderr __fprintf_chk __vfprintf_chk fprintf vfprintf fflush dprintf
XXH3_64bits XXH3_64bits_withSeed XXH64 XXH3_128bits
utf8proc_iterate utf8proc_category utf8proc_decompose_char
__assert_fail exit __tls_get_addr
'
# The last line of the list: uthash's and utlist's way out when memory ends, which it never does here;
# and where a thread's own stock of blocks is (core/base/mem.c), which is memory and no system call.
# Pages for small blocks are asked for in core/base/slab.c alone, as malloc asks for its own.
# Logging writes to stderr by way of stdio: core/base/log.c and assert.h alone may.
printing='fwrite fputs fputc stderr __fprintf_chk __vfprintf_chk fprintf vfprintf fflush dprintf'
pages='mmap munmap madvise pthread_mutex_lock pthread_mutex_unlock pthread_atfork'

# "lib.a:object.o: U symbol" per line; what another object of the library has is not asked outside.
list=$({
	nm --defined-only -g "$lib" 2>/dev/null | awk 'NF == 3 { print "has", $3 }'
	nm -u -A "$lib" 2>/dev/null | sed 's/^[^:]*:/needs /; s/: *[Uwv] / /' | sort -u
} | awk -v allowed="$allowed" -v printing="$printing" -v pages="$pages" '
	function set(words, into, n, i, all) { n = split(words, all); for (i = 1; i <= n; i++) into[all[i]] = 1 }
	BEGIN { set(allowed, may); set(printing, prints); set(pages, page) }
	$1 == "has" { inside[$2] = 1; next }
	{
		object = $2; symbol = $3; sub(/@.*/, "", symbol)
		if (symbol == "" || symbol ~ /^__(asan|ubsan|tsan|sanitizer)_/ || symbol in inside) next
		if (object == "slab.o" && symbol in page) next
		if (!(symbol in may)) print object " needs " symbol
		else if (symbol in prints && object != "log.o") print object " prints (" symbol ")"
	}')
findings_from '' "$list"
verdict 'the pure core makes no system call'
