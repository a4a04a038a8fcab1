/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about drills: what they break exists, they end, and what they promise can be measured.
 * A drill is played in the live server; nothing about it may be left to the day.
 */

#include "core/policy/drill_facts.h"
#include "core/policy/load.h"

#include <string.h>

enum { TALKS_MAX = 5000 }; /* conversations that one drill may open */

/* One drill under proof. */
struct proof {
	struct baton_load *load;
	struct baton_drill_file *drill;
	const struct baton_yaml *root;
	bool ends; /* a fault is over before the drill is */
};

static bool is_ever_asked(const struct baton_policy *policy, const char *target)
{
	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];

		if (route->primary && strcmp(route->primary->name, target) == 0)
			return true;
		for (size_t j = 0; j < route->n_fallbacks; j++)
			if (strcmp(route->fallbacks[j]->name, target) == 0)
				return true;
		for (size_t j = 0; j < route->n_switches; j++)
			if (route->switches[j].to &&
			    strcmp(route->switches[j].to->name, target) == 0)
				return true;
	}
	for (size_t i = 0; i < policy->n_modes; i++)
		if (policy->modes[i].use && strcmp(policy->modes[i].use->name, target) == 0)
			return true;
	for (size_t i = 0; i < policy->n_targets; i++)
		if (strcmp(policy->targets[i].substitute, target) == 0)
			return true;
	return false;
}

static void prove_fault_target(struct proof *p, const struct baton_yaml *name)
{
	static const char *const words[] = { "primary", "fallback", NULL };
	int i = baton_named_or_word(p->load, baton_named_targets(p->load), name, words);

	if (i >= 0 && p->load->findings.n_errors == 0 &&
	    !is_ever_asked(p->load->policy, p->load->policy->targets[i].name))
		baton_proof_doubted(&p->load->findings, BATON_PROOF_DRILL_BOUNDED, name->place,
				    "nobody asks `%s`: with this fault on, nothing changes",
				    p->load->policy->targets[i].name);
}

static void prove_fault_time(struct proof *p, const struct baton_drill_fault_def *fault,
			     const struct baton_yaml *node)
{
	uint32_t duration_ms = p->drill->duration_ms;

	if (duration_ms == 0)
		return;
	if (fault->at_ms >= duration_ms)
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_load_place(node, "at"),
				   "it begins after %u ms, but the drill ends after %u ms",
				   fault->at_ms, duration_ms);
	else if ((uint64_t)fault->at_ms + fault->for_ms > duration_ms)
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_load_place(node, "for"),
				   "it would end after %llu ms, but the drill ends after %u ms",
				   (unsigned long long)fault->at_ms + fault->for_ms, duration_ms);
	p->ends = p->ends || (fault->for_ms > 0 && fault->at_ms + fault->for_ms < duration_ms);
}

static void prove_fault_values(struct proof *p, const struct baton_drill_fault_def *fault,
			       const struct baton_yaml *node)
{
	bool takes_ms = fault->fault.type == BATON_FAULT_SLOW ||
			fault->fault.type == BATON_FAULT_RATE_LIMIT;
	bool takes_deltas =
		fault->fault.type == BATON_FAULT_CUT || fault->fault.type == BATON_FAULT_STALL;

	if (fault->fault.type == BATON_FAULT_SLOW && fault->fault.ms == 0)
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_load_place(node, "fault"),
				   "`fault: slow` needs `ms`: by how much the first word is late");
	if (!takes_ms && baton_yaml_get(node, "ms"))
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_yaml_key(node, "ms")->place,
				   "`ms` is of slow and rate_limit alone");
	if (!takes_deltas && baton_yaml_get(node, "deltas"))
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_yaml_key(node, "deltas")->place,
				   "`deltas` is of cut and stall alone");
}

/* A condition that is wrong has been told; its test stays NULL, and the set is refused. */
static void compile_holds(struct proof *p)
{
	struct baton_drill_objectives *objectives = &p->drill->objectives;
	const struct baton_yaml *list =
		baton_yaml_get(baton_yaml_get(p->root, "objectives"), "hold");

	objectives->hold_tests = baton_arena_alloc(
		&p->load->policy->arena, objectives->n_hold * sizeof(*objectives->hold_tests));
	for (size_t i = 0; i < objectives->n_hold; i++)
		objectives->hold_tests[i] = baton_load_condition(
			p->load, &baton_env_drill,
			list->kind == BATON_YAML_LIST ? baton_load_entry(list, i) : list);
}

/* An objective that speaks of the time after a fault needs a fault that ends. */
static void prove_measurable(struct proof *p)
{
	static const char *const keys[] = { "max_time_to_recover", "max_time_to_resume" };
	const struct baton_yaml *objectives = baton_yaml_get(p->root, "objectives");

	for (size_t i = 0; i < 2 && !p->ends; i++)
		if (baton_yaml_get(objectives, keys[i]))
			baton_proof_broken(
				&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				baton_yaml_key(objectives, keys[i])->place,
				"`%s` cannot be measured: no fault is over before the drill "
				"ends",
				keys[i]);
	if (p->drill->n_talks == 0 && p->root->kind == BATON_YAML_MAP)
		baton_proof_doubted(&p->load->findings, BATON_PROOF_DRILL_BOUNDED, p->root->place,
				    "it has no `conversations`: nothing would be measured");
}

static void prove_talks(struct proof *p)
{
	const struct baton_yaml *list = baton_yaml_get(p->root, "conversations");
	uint64_t n = 0;

	for (size_t i = 0; i < p->drill->n_talks; i++) {
		const struct baton_drill_talk *talk = &p->drill->talks[i];
		const struct baton_yaml *node = baton_load_entry(list, i);

		baton_named_at(p->load, baton_named_intents(p->load),
			       baton_yaml_get(node, "intent"));
		const struct baton_yaml *messages = baton_yaml_get(node, "messages");
		if (messages && messages->kind == BATON_YAML_LIST && messages->n == 0)
			baton_finding_error(&p->load->findings, messages->place,
					    "a conversation needs at least one message");
		n += talk->every_ms ? p->drill->duration_ms / talk->every_ms + 1 : 1;
	}
	if (n > TALKS_MAX)
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED, list->place,
				   "it would open %llu conversations; at most %d are allowed",
				   (unsigned long long)n, (int)TALKS_MAX);
}

static void prove_name(struct proof *p, const struct baton_load_file *file)
{
	const char *stem = strchr(file->source->name, '/') + 1;
	size_t n = strlen(stem) - strlen(".yaml");

	if (p->drill->name && (strlen(p->drill->name) != n || memcmp(p->drill->name, stem, n) != 0))
		baton_finding_error(&p->load->findings, baton_load_place(p->root, "name"),
				    "a drill is called as its file is: `%.*s`",
				    n < BATON_NAME_BYTES_MAX ? (int)n : BATON_NAME_BYTES_MAX, stem);
	if (p->drill->share_ppm == 0)
		baton_proof_broken(&p->load->findings, BATON_PROOF_DRILL_BOUNDED,
				   baton_load_place(p->root, "share"),
				   "with a share of 0 it concerns no session at all");
}

void baton_check_drills(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_drills; i++) {
		struct proof p = { .load = load, .drill = &load->policy->drills[i] };

		p.root = load->drill_files[i]->root;
		if (p.root->kind != BATON_YAML_MAP)
			continue;
		const struct baton_yaml *faults = baton_yaml_get(p.root, "faults");
		for (size_t j = 0; j < p.drill->n_faults; j++) {
			const struct baton_yaml *node = baton_load_entry(faults, j);

			if (node->kind != BATON_YAML_MAP)
				continue;
			prove_fault_target(&p, baton_yaml_get(node, "target"));
			prove_fault_time(&p, &p.drill->faults[j], node);
			prove_fault_values(&p, &p.drill->faults[j], node);
		}
		prove_name(&p, load->drill_files[i]);
		prove_talks(&p);
		compile_holds(&p);
		prove_measurable(&p);
	}
}
