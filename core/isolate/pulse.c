/* SPDX-License-Identifier: Apache-2.0 */

/* The looks themselves, and what they say. Surprising: processor time is the whole process's, since
 * the clock of a single thread is closed to other processes; a helper thread of the module counts
 * against it, too. The state, though, is the main thread's alone. */
#include "core/isolate/pulse.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Asleep by its own will. Stopped ('T'), waiting for a page ('D') or ready to run ('R') is what
 * others do to it. */
static bool is_asleep(const struct baton_pulse *at)
{
	return at->inside && at->state == 'S';
}

/* Two looks in a row, and some time between them: a lock may be held for a moment. */
static bool sleeps(struct baton_wait *wait, const struct baton_pulse *at, uint64_t now_ms)
{
	if (!is_asleep(at)) {
		wait->asleep_ms = 0;
		return false;
	}
	if (!wait->asleep_ms)
		wait->asleep_ms = now_ms;
	return now_ms - wait->asleep_ms >= BATON_PULSE_LOOK_MS;
}

enum baton_wait_end baton_wait_look(struct baton_wait *wait, struct baton_patience patience,
				    const struct baton_pulse *at, uint64_t now_ms)
{
	if (!wait->looked)
		wait->cpu_ms = at->cpu_ms;
	wait->looked = true;
	uint64_t age = now_ms - wait->since_ms;
	uint64_t had = at->cpu_ms > wait->cpu_ms ? at->cpu_ms - wait->cpu_ms : 0;
	bool asleep = sleeps(wait, at, now_ms);
	if (age < patience.budget_ms)
		return BATON_WAIT_ON;
	if (at->inside && (asleep || had >= patience.budget_ms))
		return BATON_WAIT_HUNG;
	return age < patience.limit_ms ? BATON_WAIT_ON : BATON_WAIT_STARVED;
}

/* The first look is early, for it says from where processor time is counted; none before it,
 * because nearly every answer comes sooner. */
uint32_t baton_wait_next_ms(const struct baton_wait *wait, struct baton_patience patience,
			    uint64_t now_ms)
{
	uint64_t age = now_ms - wait->since_ms;
	if (!wait->looked || age + BATON_PULSE_LOOK_MS >= patience.budget_ms)
		return BATON_PULSE_LOOK_MS;
	return (uint32_t)(patience.budget_ms - age);
}

/* "123 (a name, perhaps with ) in it) S 1 ..." */
static char state_of(pid_t pid)
{
	char path[32], text[256];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	const char *end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

void baton_pulse_read(pid_t pid, struct baton_pulse *ret)
{
	clockid_t clock;
	struct timespec had;
	*ret = (struct baton_pulse){ .state = state_of(pid) };
	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &had) == 0)
		ret->cpu_ms = (uint64_t)had.tv_sec * 1000u + (uint64_t)had.tv_nsec / 1000000u;
}
