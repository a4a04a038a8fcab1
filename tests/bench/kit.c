/* SPDX-License-Identifier: Apache-2.0 */

/* See kit.h. CPU time is read from schedstat, which counts nanoseconds; /proc/PID/stat counts in
 * hundredths of a second, too coarse for rounds of one. */

#include "kit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES_MAX = 1 << 22 };

uint64_t kit_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * KIT_NS_PER_S + (uint64_t)now.tv_nsec;
}

void kit_fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void kit_usage(const char *text)
{
	fprintf(stderr, "usage: %s\n", text);
	exit(2);
}

/* --- samples --- */

void kit_sample(struct kit_samples *samples, uint64_t ns)
{
	if (samples->n == samples->cap && samples->cap < SAMPLES_MAX) {
		samples->cap = samples->cap ? 2 * samples->cap : 1 << 16;
		samples->p = realloc(samples->p, samples->cap * sizeof(*samples->p));
		if (!samples->p)
			kit_fail("samples");
	}
	if (samples->n < samples->cap)
		samples->p[samples->n++] = (uint32_t)(ns / 100);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

double kit_percentile(struct kit_samples *samples, double share)
{
	if (samples->n == 0)
		return 0;
	qsort(samples->p, samples->n, sizeof(*samples->p), compare);
	size_t i = (size_t)(share * (double)samples->n);
	return samples->p[i < samples->n ? i : samples->n - 1] / 10.0;
}

/* --- other processes --- */

static uint64_t thread_cpu_ns(const char *pid, const char *tid)
{
	char path[128];
	unsigned long long ns = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/schedstat", pid, tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

static uint64_t process_cpu_ns(const char *pid)
{
	char path[64];
	uint64_t ns = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			ns += thread_cpu_ns(pid, entry->d_name);
	closedir(dir);
	return ns;
}

uint64_t kit_cpu_ns(const char *pids)
{
	uint64_t ns = 0;

	while (*pids) {
		char pid[24];
		size_t n = strcspn(pids, ",");

		snprintf(pid, sizeof(pid), "%.*s", (int)n, pids);
		ns += process_cpu_ns(pid);
		pids += n + (pids[n] == ',');
	}
	return ns;
}

uint64_t kit_rss_anon(const char *pid)
{
	char path[64], line[256];
	unsigned long long kb = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %llu kB", &kb) == 1)
			break;
	fclose(file);
	return kb * 1024;
}

/* --- sockets --- */

struct sockaddr_in kit_address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char host[64];
	const char *colon = strrchr(text, ':');

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		kit_usage("--to 127.0.0.1:PORT");
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		kit_usage("--to 127.0.0.1:PORT");
	return address;
}

int kit_listen(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		kit_fail("listen");
	printf("{\"port\":%u}\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int kit_accept(int listen_fd)
{
	int on = 1, fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		kit_fail("accept");
	return fd;
}

int kit_connect(const struct sockaddr_in *to, bool abort)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger reset = { 1, 0 };

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		kit_fail("socket");
	if (abort && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		kit_fail("linger");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		kit_fail("connect");
	return fd;
}

void kit_send(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		kit_fail("send");
}

void kit_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* --- argv --- */

const char *kit_option(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	return otherwise;
}

double kit_number(int argc, char **argv, const char *name, double otherwise)
{
	const char *text = kit_option(argc, argv, name, NULL);

	return text ? strtod(text, NULL) : otherwise;
}

bool kit_switch(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}
