/* SPDX-License-Identifier: Apache-2.0 */

/* What the programs of the bench share: a clock, samples and their percentiles, the CPU time of
 * another process, sockets. Only for measuring: anything that goes wrong ends the program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define KIT_NS_PER_S 1000000000ull

uint64_t kit_now_ns(void);

/* Prints `what` and errno's text to stderr, then exits with 1. */
_Noreturn void kit_fail(const char *what);
/* Exits with 2. */
_Noreturn void kit_usage(const char *text);

/* Samples of one kind, in tenths of a microsecond; what does not fit is counted and not kept. */
struct kit_samples {
	uint32_t *p;
	size_t n, cap;
};
void kit_sample(struct kit_samples *samples, uint64_t ns);
/* Microseconds at `share` (0.5, 0.99); 0 if there are none. Sorts. */
double kit_percentile(struct kit_samples *samples, double share);

/* Nanoseconds of CPU that all threads of the processes have used so far: "12,34". */
uint64_t kit_cpu_ns(const char *pids);
/* Bytes of anonymous memory: what the process has for itself, without the mapped journal. */
uint64_t kit_rss_anon(const char *pid);

struct sockaddr_in;
/* "127.0.0.1:8080" */
struct sockaddr_in kit_address(const char *text);
/* Listens on 127.0.0.1, on a port the system picks; prints {"port":N} and a newline to stdout. */
int kit_listen(void);
/* The next connection, non-blocking and without delay of small writes; -1 if there is none. */
int kit_accept(int listen_fd);
/* Connected (on loopback that takes no waiting), no delay, non-blocking. With `abort` the close
 * sends a reset, so that thousands of closed connections do not linger. */
int kit_connect(const struct sockaddr_in *to, bool abort);
/* All of it, or the program ends: everything sent here is far smaller than a socket's buffer. */
void kit_send(int fd, const void *p, size_t n);
/* RLIMIT_NOFILE as high as it goes. */
void kit_raise_files(void);

/* The value behind `name` in argv, or `otherwise`. */
const char *kit_option(int argc, char **argv, const char *name, const char *otherwise);
double kit_number(int argc, char **argv, const char *name, double otherwise);
bool kit_switch(int argc, char **argv, const char *name);
