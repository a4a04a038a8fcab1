#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Calls that overflow, block, allocate behind our back or ask the machine where the seam should be
# asked. Comments and strings are taken out first, so that prose may name them.
. "$(dirname "$0")/lib.sh"

# Strips comments, string and character literals; keeps line numbers.
bare() {
	awk '
	{
		out = ""; line = $0
		while (length(line)) {
			if (in_comment) {
				end = index(line, "*/")
				if (!end) { line = ""; break }
				line = substr(line, end + 2); in_comment = 0
			} else if (match(line, /\/\*|\/\/|"|'"'"'/)) {
				out = out substr(line, 1, RSTART - 1)
				token = substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
				if (token == "/*") in_comment = 1
				else if (token == "//") line = ""
				else {
					while (length(line)) {
						c = substr(line, 1, 1); line = substr(line, 2)
						if (c == "\\") line = substr(line, 2)
						else if (c == token) break
					}
					out = out "\"\""
				}
			} else { out = out line; line = "" }
		}
		print FNR ":" out
	}' "$1"
}

# look FILE WORDS WHY: WORDS are alternatives of names that are called.
look() {
	hits=$(bare "$1" | grep -E "(^|[^A-Za-z0-9_.>])($2)[[:space:]]*\(" | cut -d: -f1 || true)
	for line in $hits; do finding "$1:$line: $3"; done
}

# The files that may jump. LMDB aborts the process at a damaged page unless its assert callback
# leaves, and the only way to leave a callback is a jump; where it lands is in the same file.
LONG_JUMPS='core/journal/store.c'

for file in $(ours 'core/*.c' 'core/*.h' 'channels/*.c' 'channels/*.h' 'modules/*.c' 'modules/*.h'); do
	look "$file" 'sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|gets|stpcpy' 'unbounded or unterminated copy'
	look "$file" 'atoi|atol|atoll|atof' 'a number without an error'
	look "$file" 'system|popen|alloca|tmpnam|mktemp' 'banned'
	case " $LONG_JUMPS " in
	*" $file "*) ;;
	*) look "$file" 'setjmp|longjmp|sigsetjmp|siglongjmp' 'a jump past every release' ;;
	esac
	look "$file" 'rand|srand|random|srandom|drand48' 'chance comes from the seam'
	look "$file" 'usleep|sleep' 'nobody sleeps on a loop'
	look "$file" 'localtime|gmtime|ctime|asctime|getpwnam|inet_ntoa' 'static buffer, not for threads'
	case $file in
	core/*)
		case $file in
		core/base/mem.c) ;;
		*) look "$file" 'malloc|calloc|realloc|strdup|strndup|asprintf' 'memory comes from core/base/mem.h' ;;
		esac
		case $file in
		core/cli/*) ;;
		*) look "$file" 'printf|puts|putchar|perror' 'only the command line prints' ;;
		esac
		;;
	modules/*)
		look "$file" 'pthread_create|signal|sigaction|atexit|setenv|putenv|setlocale|chdir|fork|exit|_exit|abort' 'ABI rule R7'
		;;
	esac
done
verdict 'no banned call'
