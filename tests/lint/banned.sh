#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Calls that overflow, block, allocate behind our back or ask the machine where the seam should be
# asked. Comments and strings are taken out first, so that prose may name them.
. "$(dirname "$0")/lib.sh"

scratch
ours 'core/*.c' 'core/*.h' 'channels/*.c' 'channels/*.h' 'modules/*.c' 'modules/*.h' | code_of >"$SCRATCH"

# ban FILES NAMES WHY: NAMES are alternatives of what is called.
ban() {
	look "$1" "[^A-Za-z0-9_.>]($2)[[:space:]]*\(" "$3"
}
# but FILE: what follows does not look at it.
but() {
	sed -i "\\,^$1:,d" "$SCRATCH"
}

ban '.*' 'sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|gets|stpcpy' 'unbounded or unterminated copy'
ban '.*' 'atoi|atol|atoll|atof' 'a number without an error'
ban '.*' 'system|popen|alloca|tmpnam|mktemp' 'banned'
ban '.*' 'rand|srand|random|srandom|drand48' 'chance comes from the seam'
ban '.*' 'usleep|sleep' 'nobody sleeps on a loop'
ban '.*' 'localtime|gmtime|ctime|asctime|getpwnam|inet_ntoa' 'static buffer, not for threads'
ban 'modules/.*' 'pthread_create|signal|sigaction|atexit|setenv|putenv|setlocale|chdir|fork|exit|_exit|abort' 'ABI rule R7'
# LMDB aborts the process at a damaged page unless its assert callback leaves, and the only way to
# leave a callback is a jump; where it lands is in the same file.
but 'core/journal/store\.c'
ban '.*' 'setjmp|longjmp|sigsetjmp|siglongjmp' 'a jump past every release'
ours 'core/*.c' 'core/*.h' | code_of >"$SCRATCH"
but 'core/base/mem\.c'
ban '.*' 'malloc|calloc|realloc|strdup|strndup|asprintf' 'memory comes from core/base/mem.h'
ours 'core/*.c' 'core/*.h' | code_of >"$SCRATCH"
but 'core/cli/[^:]*'
ban '.*' 'printf|puts|putchar|perror' 'only the command line prints'
verdict 'no banned call'
