/* SPDX-License-Identifier: Apache-2.0 */

/* The lists. They are about honest mistakes: who wants to do harm makes system calls by number, and
 * is kept out by owner, mode, hash and a process of its own. */
#include "core/module/imports.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const refused[] = {
	/* other programs: the server has threads and an open LMDB environment */
	"fork",
	"vfork",
	"_Fork",
	"clone",
	"daemon",
	"execve",
	"execv",
	"execvp",
	"execvpe",
	"execl",
	"execle",
	"execlp",
	"fexecve",
	"execveat",
	"system",
	"popen",
	"posix_spawn",
	"posix_spawnp",
	"wordexp",
	"forkpty",
	/* the end */
	"exit",
	"_exit",
	"_Exit",
	"quick_exit",
	"err",
	"errx",
	"verr",
	"verrx",
	"kill",
	"killpg",
	"raise",
	"tgkill",
	"pthread_kill",
	/* who we are and what we may */
	"setuid",
	"seteuid",
	"setreuid",
	"setresuid",
	"setgid",
	"setegid",
	"setregid",
	"setresgid",
	"setgroups",
	"chroot",
	"unshare",
	"setns",
	"ptrace",
	/* a second world of libraries: eleven of them and no more, each with its own libc */
	"dlmopen",
};

static const char *const isolated[] = {
	"chdir",     "fchdir", "umask",     "setrlimit",    "setrlimit64", "prlimit",
	"prlimit64", "alarm",  "setitimer", "timer_create", "nice",        "setpriority",
};

static const char *const resident[] = {
	"pthread_create",
	"thrd_create",
	"pthread_key_create",
	"tss_create",
	"__cxa_thread_atexit",
	"__cxa_thread_atexit_impl",
	"atexit",
	"on_exit",
	"at_quick_exit",
	"signal",
	"__sysv_signal",
	"bsd_signal",
	"sigset",
	"sigaction",
	"setlocale",
	"setenv",
	"unsetenv",
	"putenv",
	"clearenv",
	"dlopen",
};

static const char *const fine_libraries[] = {
	"libc",
	"libm",
	"libgcc_s",
	"libstdc++",
	"libpthread",
	"libdl",
	"librt",
	"libatomic",
	"ld-linux-x86-64",
	"ld-linux-aarch64",
	"libz",
	"libjansson",
	"libstemmer",
	"libutf8proc",
	"libpcre2-8",
	"libxxhash",
	"libsqlite3",
	"ld-linux-riscv64-lp64d",
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	"libasan",
	"libubsan",
	"libtsan",
#endif
};

/* They start threads, register handlers at exit, or pin themselves. */
static const char *const resident_libraries[] = {
	"libpq", "libcurl", "libcurl-gnutls", "libssl", "libcrypto",
};

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

enum baton_import baton_import_symbol(const char *name)
{
	if (listed(refused, COUNT(refused), name))
		return BATON_IMPORT_REFUSED;
	if (listed(isolated, COUNT(isolated), name))
		return BATON_IMPORT_ISOLATED;
	return listed(resident, COUNT(resident), name) ? BATON_IMPORT_RESIDENT : BATON_IMPORT_FINE;
}

/* "libfoo.so.4" is one of the list if "libfoo" stands there: not "libfoobar.so", not a path. */
static bool listed_library(const char *const *list, size_t n, const char *name)
{
	const char *end = strstr(name, ".so");
	for (size_t i = 0; end && i < n; i++)
		if (strlen(list[i]) == (size_t)(end - name) &&
		    memcmp(list[i], name, (size_t)(end - name)) == 0)
			return true;
	return false;
}

enum baton_import baton_import_library(const char *name)
{
	if (listed_library(fine_libraries, COUNT(fine_libraries), name))
		return BATON_IMPORT_FINE;
	if (listed_library(resident_libraries, COUNT(resident_libraries), name))
		return BATON_IMPORT_RESIDENT;
	return BATON_IMPORT_ISOLATED;
}
