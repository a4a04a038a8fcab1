/* SPDX-License-Identifier: Apache-2.0 */

/* sim --matrix: the 210 conversations of matrix.c. sim --seeds N [--first K]: N runs. sim --seed
 * K [--trace]: one run, said aloud. Each tenth seed is run twice: the same seed must give the
 * same hash. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORM_S = 40, CALM_S = 120 };

static void crash_due(struct sim *sim, void *nothing)
{
	(void)nothing;
	if (!sim->calm)
		server_crash(sim);
}

static void weather(struct sim *sim, void *nothing)
{
	(void)nothing;
	if (sim->calm)
		return;
	/* Bad disks are common in this world, but not the rule. */
	if (sim->disk != 0)
		sim->disk = 0;
	switch (sim_below(sim, 12)) {
	case 0:
		server_crash(sim);
		break;
	case 1:
		sim->disk = sim_chance(sim, 50) ? BATON_E_FULL : BATON_E_IO;
		break;
	case 2:
	case 3:
	case 4:
		sim->disk = 0;
		break;
	case 5:
		sim->modules_down = !sim->modules_down && sim_chance(sim, 50);
		break;
	case 7: /* as if a message killed the server whenever it is taken up */
		for (uint64_t i = 0; sim_chance(sim, 20) && i < 4; i++)
			sim_later(sim, i * 700 * MS, crash_due, NULL);
		break;
	case 6:
		server_drain(sim);
		break;
	default:
		break;
	}
	sim_note(sim, "weather", (uint64_t)(unsigned)sim->disk, sim->modules_down);
	sim_later(sim, (200 + sim_below(sim, 6000)) * MS, weather, NULL);
}

static void calm(struct sim *sim, void *nothing)
{
	(void)nothing;
	sim->calm = true;
	sim->disk = 0;
	if (sim->draining)
		server_crash(sim); /* the power is faster */
	if (!sim->up)
		server_start(sim);
	sim->modules_down = true; /* the way to a person needs none of them */
	people_settle(sim);
	admins_settle(sim);
	sim_note(sim, "calm", 0, 0);
}

void sim_begin(struct sim *sim, uint64_t seed, struct cell *cell)
{
	memset(sim, 0, sizeof(*sim));
	sim->cell = cell;
	sim->calm = cell != NULL; /* its faults are those of the table */
	sim->seed = seed;
	sim->rng[0] = seed * 0x9E3779B97F4A7C15u + 1;
	sim->rng[1] = ~seed;
	for (int i = 0; i < 8; i++)
		sim_random(sim);
	sim->generation = 1;
	sim->wall_ms = 1795000000000;
	sim->now_ns = 1000 * MS;
	policy_make(&sim->policy, &sim->policy_arena);
}

/* What is still on its way finds nobody. */
void sim_end(struct sim *sim)
{
	sim->calm = true; /* it does not come back */
	server_crash(sim);
	while (sim_step(sim))
		;
	sim_drop_all(sim);
	store_free(sim);
	people_free(sim);
	tools_free(sim);
	baton_str_drop(&sim->board_saved);
	policy_free(&sim->policy, &sim->policy_arena);
}

/* A run: a storm, then calm, then the end is looked at. */
static void run_seed(struct sim *sim, uint64_t seed, bool trace)
{
	sim_begin(sim, seed, NULL);
	sim->trace = trace;
	server_start(sim);
	people_begin(sim);
	admins_begin(sim);
	sim_later(sim, 500 * MS, weather, NULL);
	sim_later(sim, STORM_S * 1000 * MS, calm, NULL);
	while (sim->now_ns < (STORM_S + CALM_S) * 1000 * MS && sim_step(sim))
		;
	promises_at_the_end(sim);
	sim_end(sim);
}

static void add_saw(uint64_t *to, const struct sim *sim, size_t n)
{
	const uint64_t *from = (const uint64_t *)&sim->saw;

	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

static uint64_t argument(int argc, char **argv, const char *name, uint64_t otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return strtoull(argv[i + 1], NULL, 10);
	return otherwise;
}

static void error_sink(void *ud, baton_str line)
{
	(void)ud;
	fprintf(stderr, "%.*s", (int)line.n, line.p);
}

static uint64_t no_time(void *ud)
{
	(void)ud;
	return 0;
}

static int run_one(uint64_t seed, bool trace)
{
	static struct sim sim;

	run_seed(&sim, seed, trace);
	printf("seed %" PRIu64 ": %016" PRIx64 ", %" PRIu64 " happenings\n", seed, sim.hash,
	       sim.happenings);
	return 0;
}

/* Of struct sim, `saw`, in the same order. */
static const char *const names[] = { "messages",
				     "acks",
				     "answers",
				     "drafts",
				     "hand-overs",
				     "claims",
				     "crashes",
				     "failed commits",
				     "superseded",
				     "model failures",
				     "resumes",
				     "repeats",
				     "human messages",
				     "hand-backs",
				     "restarted turns",
				     "refusals",
				     "events followed",
				     "paused replays",
				     "sent by two tabs",
				     "drains",
				     "transcripts saved",
				     "messages kept",
				     "resumed",
				     "modes entered",
				     "modes left",
				     "changes of targets",
				     "drills",
				     "probes",
				     "hand-overs taken back",
				     "modes that ran out on what they kept",
				     "told of a mode without asking",
				     "releases published",
				     "canaries",
				     "promoted",
				     "rolled back",
				     "releases cut off while held",
				     "releases gone",
				     "turns moved",
				     "replies suggested",
				     "write-ups",
				     "write-ups without a model",
				     "case packages",
				     "offers",
				     "offers taken",
				     "offers missed",
				     "cases of lost agents",
				     "cases without a reply",
				     "customers who gave up",
				     "places told",
				     "transfers",
				     "cases taken over",
				     "tickets",
				     "files",
				     "times labelled",
				     "times a person was offered",
				     "failed proofs",
				     "signed identities",
				     "answers without a source",
				     "times not known",
				     "plans",
				     "plans that are none",
				     "summaries",
				     "calls of tools",
				     "calls in doubt",
				     "calls proposed",
				     "calls approved",
				     "calls rejected",
				     "rounds of tools" };

int main(int argc, char **argv)
{
	static struct sim sim;
	uint64_t seeds = argument(argc, argv, "--seeds", 200),
		 first = argument(argc, argv, "--first", 1);
	uint64_t one = argument(argc, argv, "--seed", 0), happenings = 0;
	uint64_t saw[sizeof(sim.saw) / sizeof(uint64_t)] = { 0 };
	size_t n = sizeof(saw) / sizeof(saw[0]);

	baton_log_to(error_sink, no_time, NULL,
		     BATON_LOG_ERROR); /* an assertion says what it was */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && strcmp(argv[1], "--matrix") == 0)
		return run_matrix();
	if (one > 0)
		return run_one(one, strcmp(argv[argc - 1], "--trace") == 0);
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		run_seed(&sim, seed, false);
		uint64_t hash = sim.hash;
		happenings += sim.happenings;
		add_saw(saw, &sim, n);
		if (seed % 10 == 0) {
			run_seed(&sim, seed, false);
			PROMISE(&sim, sim.hash == hash, "one seed is one run", NULL);
		}
		if ((seed - first + 1) % 500 == 0)
			fprintf(stderr, "# %" PRIu64 " of %" PRIu64 " seeds\n", seed - first + 1,
				seeds);
	}
	printf("ok - %" PRIu64 " seeds keep the promises, %" PRIu64 " happenings\n#", seeds,
	       happenings);
	for (size_t i = 0; i < n; i++) {
		printf(" %" PRIu64 " %s%s", saw[i], names[i], i + 1 < n ? "," : "\n");
		/* A storm in which something never happens proves nothing about it. */
		if (seeds >= 100 && saw[i] == 0) {
			printf("not ok - no %s in %" PRIu64 " seeds\n", names[i], seeds);
			return 1;
		}
	}
	return 0;
}
