/* SPDX-License-Identifier: Apache-2.0 */

/* The process itself. posix_spawn and never fork: the server has threads and an LMDB
 * environment. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FD_ABOVE = 16 }; /* ours are moved above those numbers that the child gets */

uint64_t baton_spawn_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

int baton_beacon_new(struct baton_beacon **ret, int *ret_fd)
{
	size_t n = sizeof(**ret);
	int fd = memfd_create("baton-beacon", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return BATON_E_IO;
	/* A page that became shorter under us would be a SIGBUS in the server. */
	bool good = ftruncate(fd, (off_t)n) == 0 &&
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
	int high = good ? fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE) : -1;
	(void)close(fd);
	void *page =
		high < 0 ? MAP_FAILED : mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, high, 0);
	if (page == MAP_FAILED) {
		if (high >= 0)
			(void)close(high);
		return BATON_E_IO;
	}
	*ret = page;
	*ret_fd = high;
	return 0;
}

void baton_beacon_free(struct baton_beacon **beacon)
{
	if (*beacon)
		(void)munmap(*beacon, sizeof(**beacon));
	*beacon = NULL;
}

int baton_spawn_pair(int ret_fds[2])
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return BATON_E_IO;
	int high = fcntl(fds[1], F_DUPFD_CLOEXEC, FD_ABOVE);
	(void)close(fds[1]);
	if (high < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		(void)close(fds[0]);
		if (high >= 0)
			(void)close(high);
		return BATON_E_IO;
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = high;
	return 0;
}

/* What a sanitizer has to say goes where the server's own words go; modules have no such say. */
static bool keeps_stderr(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#else
	return false;
#endif
}

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int control,
		   int beacon)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(files, 0, 1);
	if (!keeps_stderr())
		rc = rc ? rc : posix_spawn_file_actions_adddup2(files, 0, 2);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(files, control, BATON_FD_CONTROL);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(files, beacon, BATON_FD_BEACON);
	rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
	rc = rc ? rc : posix_spawnattr_setsigdefault(attr, &all);
	/* A group of its own: Ctrl-C at the terminal is the server's, which drains first. */
	rc = rc ? rc : posix_spawnattr_setpgroup(attr, 0);
	return rc ? rc
		  : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							   POSIX_SPAWN_SETPGROUP);
}

/* The program as it was when the first child was started: an upgrade replaces the file, and what is
 * started again after that must still speak this server's frames. -1: by its path, then. */
static int program(const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char pinned[512];
	static int fd = -1;
	(void)pthread_mutex_lock(&lock);
	if (fd < 0 && strlen(path) < sizeof(pinned) && access("/proc/self/fd", X_OK) == 0) {
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd >= 0)
			(void)snprintf(pinned, sizeof(pinned), "%s", path);
	}
	int found = fd >= 0 && strcmp(path, pinned) == 0 ? fd : -1;
	(void)pthread_mutex_unlock(&lock);
	return found;
}

int baton_spawn(const struct baton_child *child, int control, pid_t *ret_pid, char *why, size_t cap)
{
	char self[] = "baton-modhost", run[] = "--run", name[128], path[64];
	char *argv[] = { self, run, name, NULL };
	char *envp[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = 0;
	(void)snprintf(name, sizeof(name), "%s", child->options.name);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	int rc = prepare(&files, &attr, control, child->beacon_fd);
	int fd = program(child->options.modhost);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rc == 0)
		rc = posix_spawn(&pid, fd >= 0 ? path : child->options.modhost, &files, &attr, argv,
				 envp);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc != 0) {
		const char *text = strerrordesc_np(rc);
		(void)snprintf(why, cap, "%s cannot be started: %s", child->options.modhost,
			       text ? text : "unknown error");
		return BATON_E_IO;
	}
	*ret_pid = pid;
	return 0;
}

bool baton_spawn_send(int control, const struct baton_buf *frames, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} extra;
	struct iovec part = { frames->p, frames->n };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;
	if (fd >= 0) {
		memset(&extra, 0, sizeof(extra));
		message.msg_control = extra.room;
		message.msg_controllen = sizeof(extra.room);
		extra.head.cmsg_level = SOL_SOCKET;
		extra.head.cmsg_type = SCM_RIGHTS;
		extra.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&extra.head), &fd, sizeof(fd));
	}
	do
		n = sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	/* One that is gone is not one that does not read: its end is on the way. */
	return n == (ssize_t)frames->n || (n < 0 && errno != EAGAIN);
}
