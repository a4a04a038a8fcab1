/* SPDX-License-Identifier: Apache-2.0 */

/* Clock, chance and the heap of what is still to come. Ties are broken by the order of
 * scheduling, so nothing depends on an address. */

#include "tests/sim/sim.h"

#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* xoroshiro128+ (Blackman and Vigna). */
uint64_t sim_random(struct sim *sim)
{
	uint64_t a = sim->rng[0], b = sim->rng[1], sum = a + b;

	b ^= a;
	sim->rng[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
	sim->rng[1] = b << 37 | b >> 27;
	return sum;
}

uint64_t sim_below(struct sim *sim, uint64_t n)
{
	return sim_random(sim) % n;
}

bool sim_chance(struct sim *sim, unsigned percent)
{
	return sim_below(sim, 100) < percent;
}

static bool sooner(const struct due *a, const struct due *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct due *a, struct due *b)
{
	struct due c = *a;

	*a = *b;
	*b = c;
}

static void sift_up(struct sim *sim, size_t i)
{
	while (i > 0 && sooner(&sim->heap[i], &sim->heap[(i - 1) / 2])) {
		swap(&sim->heap[i], &sim->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct sim *sim, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1, right = 2 * i + 2;

		if (left < sim->n_due && sooner(&sim->heap[left], &sim->heap[least]))
			least = left;
		if (right < sim->n_due && sooner(&sim->heap[right], &sim->heap[least]))
			least = right;
		if (least == i)
			return;
		swap(&sim->heap[i], &sim->heap[least]);
		i = least;
	}
}

static void push(struct sim *sim, struct due due)
{
	if (sim->n_due == sim->cap_due) {
		sim->cap_due = sim->cap_due ? sim->cap_due * 2 : 64;
		sim->heap = baton_realloc(sim->heap, sim->cap_due * sizeof(*sim->heap));
	}
	due.order = sim->order++;
	sim->heap[sim->n_due++] = due;
	sift_up(sim, sim->n_due - 1);
}

void sim_later(struct sim *sim, uint64_t delay_ns, sim_fn *fn, void *what)
{
	push(sim, (struct due){ .at_ns = sim->now_ns + delay_ns, .fn = fn, .what = what });
}

void sim_later_mine(struct sim *sim, uint64_t delay_ns, sim_fn *fn, void *what, enum due_kind kind,
		    uint64_t key)
{
	push(sim, (struct due){ .at_ns = sim->now_ns + delay_ns,
				.fn = fn,
				.what = what,
				.generation = sim->generation,
				.key = key,
				.kind = kind });
}

void sim_forget(struct sim *sim, enum due_kind kind, uint64_t key)
{
	for (size_t i = 0; i < sim->n_due; i++)
		if (sim->heap[i].kind == kind && sim->heap[i].key == key && sim->heap[i].fn)
			sim->heap[i].generation =
				UINT32_MAX; /* of no process: freed when it comes up */
}

struct due *sim_find(struct sim *sim, enum due_kind kind, uint64_t key)
{
	for (size_t i = 0; i < sim->n_due; i++)
		if (sim->heap[i].kind == kind && sim->heap[i].key == key &&
		    sim->heap[i].generation == sim->generation)
			return &sim->heap[i];
	return NULL;
}

bool sim_step(struct sim *sim)
{
	if (sim->n_due == 0)
		return false;
	struct due due = sim->heap[0];
	swap(&sim->heap[0], &sim->heap[--sim->n_due]);
	sift_down(sim, 0);
	sim->now_ns = due.at_ns;
	if (due.generation != 0 && (due.generation != sim->generation || !sim->up))
		baton_free(due.what); /* its process is gone */
	else
		due.fn(sim, due.what);
	return true;
}

void sim_drop_all(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_due; i++)
		if (sim->heap[i].generation != 0)
			baton_free(sim->heap[i].what);
	baton_free(sim->heap);
	sim->heap = NULL;
	sim->n_due = sim->cap_due = 0;
}

void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b)
{
	uint64_t parts[4] = { sim->hash, sim->now_ns, a, b };

	sim->hash = baton_hash_seeded(what, strlen(what), baton_hash(parts, sizeof(parts)));
	sim->happenings++;
	if (sim->trace)
		fprintf(stderr, "%12.6f %-24s %" PRIu64 " %" PRIu64 "\n", (double)sim->now_ns / 1e9,
			what, a, b);
}

void sim_fail(struct sim *sim, const char *promise, const struct baton_id *session)
{
	char text[BATON_ID_TEXT + 1] = "-";

	if (session)
		baton_id_text(session, text);
	fprintf(stderr,
		"not ok - seed %" PRIu64
		" at %.6f s: %s (session %s)\n# again: build/release/tests/simulate --seed %" PRIu64
		" --trace\n",
		sim->seed, (double)sim->now_ns / 1e9, promise, text, sim->seed);
	exit(1);
}
