/* SPDX-License-Identifier: Apache-2.0 */

/* Limits, Landlock, and what else a process can take from itself. Landlock's structs and numbers
 * stand here, since the headers of the oldest system we build on know its first version only; the
 * kernel says which it has. */
#include "core/modhost/sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* --- Landlock ---------------------------------------------------------------------------- */

enum {
	CREATE_RULESET = 444,
	ADD_RULE = 445,
	RESTRICT_SELF = 446,
	ASK_VERSION = 1,
	PATH_BENEATH = 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_ALL_1 = (1 << 13) - 1, /* rights of version 1 ... */
	FS_REFER = 1 << 13,       /* 2 */
	FS_TRUNCATE = 1 << 14,    /* 3 */
	FS_IOCTL_DEV = 1 << 15,   /* 5 */
	NET_TCP = 3,              /* 4: bind, connect */
	SCOPED = 3,               /* 6: abstract sockets, signals */
	FS_OF_FILES = 1 | 1 << 1 | 1 << 2 | FS_TRUNCATE | FS_IOCTL_DEV,
	FS_WRITE = FS_ALL_1 & ~1 & ~(1 << 6) & ~(1 << 9) &
		   ~(7 << 10) /* no execute, devices, sockets */
};

struct ruleset {
	uint64_t fs, net, scoped;
};

struct __attribute__((packed)) path_rule {
	uint64_t allowed;
	int32_t fd;
};

static void allow(int rules, const char *path, uint64_t rights, uint64_t handled)
{
	struct path_rule rule = { .allowed = rights & handled };
	struct {
		int fd, dir;
	} at = { open(path, O_PATH | O_CLOEXEC), open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (at.dir < 0)
		rule.allowed &= FS_OF_FILES;
	else
		(void)close(at.dir);
	rule.fd = at.fd;
	if (at.fd < 0)
		return; /* not there: not to be opened either */
	(void)syscall(ADD_RULE, rules, PATH_BENEATH, &rule, 0);
	(void)close(at.fd);
}

/* Where libraries are: the usual places, and wherever this C library came from. */
static void allow_libraries(int rules, uint64_t handled)
{
	static const char *const places[] = { "/lib",       "/lib64",         "/usr/lib",
					      "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache" };
	char dir[512];
	Dl_info info;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		allow(rules, places[i], FS_READ_FILE | FS_READ_DIR, handled);
	void (*known)(void) = NULL;
	int (*function)(void) = getpagesize;
	memcpy(&known, &function, sizeof(known));
	void *address;
	memcpy(&address, &known, sizeof(address));
	if (dladdr(address, &info) == 0 || !info.dli_fname || info.dli_fname[0] != '/')
		return;
	(void)snprintf(dir, sizeof(dir), "%s", info.dli_fname);
	*strrchr(dir, '/') = 0;
	if (dir[0])
		allow(rules, dir, FS_READ_FILE | FS_READ_DIR, handled);
}

static int enter_landlock(const struct baton_sandbox *sandbox)
{
	long version = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);
	if (version < 1)
		return 0;
	struct ruleset set = { .fs = FS_ALL_1 };
	set.fs |= (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
		  (version >= 5 ? FS_IOCTL_DEV : 0);
	set.net = version >= 4 ? NET_TCP : 0;
	set.scoped = version >= 6 ? SCOPED : 0;
	size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
	int rules = (int)syscall(CREATE_RULESET, &set, size, 0);
	if (rules < 0)
		return 0;
	allow(rules, sandbox->module, FS_READ_FILE, set.fs);
	allow_libraries(rules, set.fs);
	if (SANITIZED) /* they read their own maps to say where something happened */
		allow(rules, "/proc/self", FS_READ_FILE | FS_READ_DIR, set.fs);
	for (size_t i = 0; i < sandbox->n_grants; i++)
		allow(rules, sandbox->grants[i].path,
		      FS_READ_FILE | FS_READ_DIR |
			      (sandbox->grants[i].write ? FS_WRITE | FS_TRUNCATE : 0),
		      set.fs);
	long rc = syscall(RESTRICT_SELF, rules, 0);
	(void)close(rules);
	return rc == 0 ? (int)version : 0;
}

/* --- limits ------------------------------------------------------------------------------ */

static void limit(__rlimit_resource_t what, uint64_t soft)
{
	/* At the hard limit of processor time comes SIGKILL, which says nothing of why. */
	struct rlimit now,
		want = { .rlim_cur = soft, .rlim_max = soft + (what == RLIMIT_CPU ? 1 : 0) };
	if (getrlimit(what, &now) < 0)
		return;
	if (now.rlim_max != RLIM_INFINITY && want.rlim_max > now.rlim_max)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	(void)setrlimit(what, &want);
}

/* A server that is root in its container has rights that a module shall not have. */
static void drop_capabilities(void)
{
	struct {
		uint32_t version;
		int32_t pid;
	} head = { 0x20080522, 0 }; /* the third version: two words of each set */
	uint32_t none[6] = { 0 };
	(void)syscall(SYS_capset, &head, none);
}

static bool may_write(const struct baton_sandbox *sandbox)
{
	for (size_t i = 0; i < sandbox->n_grants; i++)
		if (sandbox->grants[i].write)
			return true;
	return false;
}

static void enter_limits(const struct baton_sandbox *sandbox)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, sandbox->nofile);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	/* A sanitizer maps terabytes that it never touches, and writes its reports. */
	if (!SANITIZED)
		limit(RLIMIT_AS, sandbox->memory_bytes);
	if (sandbox->cpu_s > 0)
		limit(RLIMIT_CPU, sandbox->cpu_s);
	if (!may_write(sandbox) && !SANITIZED) {
		(void)signal(SIGXFSZ, SIG_IGN); /* EFBIG instead */
		limit(RLIMIT_FSIZE, 0);
	}
}

void baton_sandbox_no_more(void)
{
	limit(RLIMIT_NPROC, 0);
}

bool baton_sandbox_enter(const struct baton_sandbox *sandbox, char *line, size_t line_cap,
			 char *missing, size_t missing_cap)
{
	missing[0] = 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if ((uint32_t)getppid() != sandbox->server_pid)
		_exit(0); /* it was gone before we asked to go with it */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	bool fixed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	enter_limits(sandbox);
	drop_capabilities();
	int landlock = fixed ? enter_landlock(sandbox) : 0;
	int seccomp = fixed ? baton_seccomp_enter(may_write(sandbox)) : EPERM;
	char name[32] = "no landlock";
	if (landlock)
		(void)snprintf(name, sizeof(name), "landlock %d", landlock);
	(void)snprintf(line, line_cap, "%s, %s, limits", name, seccomp ? "no seccomp" : "seccomp");
	if (!landlock || seccomp)
		(void)snprintf(missing, missing_cap,
			       "this kernel gives less to hold a module with: %s%s%s",
			       landlock ? "" : "no Landlock", !landlock && seccomp ? ", " : "",
			       seccomp ? "no seccomp filter" : "");
	return seccomp == 0;
}
