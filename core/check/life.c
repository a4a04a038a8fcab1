/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a module: what it says it is, loading, instances, health, state, how long it keeps a
 * loop, and what it changes around itself. */
#include "core/check/inside.h"

#include "core/base/errors.h"
#include "core/module/elf.h"
#include "core/module/file.h"
#include "core/module/surroundings.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOADS = 100, INSTANCES = 8, HARD_US = 250000, SOFT_US = 5000, RUNS = 20, GARBAGE = 60 };

/* --- the descriptor ------------------------------------------------------------------------ */

static bool read_note(struct baton_try *trial, struct baton_buf *bytes, struct baton_elf *elf)
{
	char why[512] = "";
	int rc = baton_file_read(NULL, trial->path, bytes, why, sizeof(why));
	if (rc == 0)
		rc = baton_elf_check(baton_buf_view(bytes), elf, why, sizeof(why));
	if (rc < 0)
		baton_try_fail(trial, "%s", why);
	return rc == 0;
}

static void same(struct baton_try *trial, const char *what, const char *note, const char *said)
{
	if (!said || strcmp(note, said) != 0)
		baton_try_fail(trial, "%s: the note says %s, the descriptor %s", what, note,
			       said ? said : "nothing");
}

/* The functions without which nothing of the kind works. */
static void functions(struct baton_try *trial, const char *id, const void *vt)
{
	const char *missing = NULL;
	if (!vt)
		missing = "everything";
	else if (strcmp(id, BATON_PROVIDER) == 0 && !((const baton_provider *)vt)->start)
		missing = "start";
	else if (strcmp(id, BATON_PROVIDER) == 0 && !((const baton_provider *)vt)->cancel)
		missing = "cancel";
	else if (strcmp(id, BATON_CLASSIFIER) == 0 && !((const baton_classifier *)vt)->classify)
		missing = "classify";
	else if (strcmp(id, BATON_RULE) == 0 && !((const baton_rule *)vt)->evaluate)
		missing = "evaluate";
	else if (strcmp(id, BATON_TRANSCRIPT) == 0 && !((const baton_transcript *)vt)->append)
		missing = "append";
	else if (strcmp(id, BATON_RETRIEVER) == 0 && !((const baton_retriever *)vt)->search)
		missing = "search";
	else if (strcmp(id, BATON_TOOL) == 0 && !((const baton_tool *)vt)->invoke)
		missing = "invoke";
	else if (strcmp(id, BATON_TOOL) == 0 && !((const baton_tool *)vt)->cancel)
		missing = "cancel";
	else if (strcmp(id, BATON_GUARD) == 0 && !((const baton_guard *)vt)->inspect)
		missing = "inspect";
	if (missing)
		baton_try_fail(trial, "%s: %s is missing", id, missing);
}

void baton_check_descriptor(struct baton_try *trial)
{
	struct baton_buf bytes = { 0 };
	struct baton_elf elf = { 0 };
	trial->host = baton_try_host(trial);
	if (!trial->host || !read_note(trial, &bytes, &elf)) {
		baton_buf_done(&bytes);
		return;
	}
	const baton_module *m = baton_testhost_module(trial->host);
	same(trial, "id", elf.id, m->id);
	same(trial, "version", elf.version, m->version);
	if (elf.flags != m->flags)
		baton_try_fail(trial, "flags: the note says %u, the descriptor %u", elf.flags,
			       m->flags);
	if (elf.abi_needed != m->abi_needed || elf.abi_major != m->abi_major)
		baton_try_fail(trial, "ABI: the note says %u.%u, the descriptor %u.%u",
			       elf.abi_major, elf.abi_needed, m->abi_major, m->abi_needed);
	for (uint32_t i = 0; i < m->n_ifaces; i++) {
		char kind[48];
		const char *id = m->ifaces[i].id;
		(void)snprintf(kind, sizeof(kind), "%.40s",
			       id && strchr(id, '.') ? strchr(id, '.') + 1 : "?");
		kind[strcspn(kind, "/")] = '\0';
		if (!baton_elf_has_kind(elf.kinds, kind))
			baton_try_fail(trial, "it has %s, and its note does not say so (%s)", id,
				       elf.kinds);
		functions(trial, id, m->ifaces[i].vt);
	}
	if (m->state && (!m->state->save || !m->state->load))
		baton_try_fail(trial, "state without save or without load");
	baton_buf_done(&bytes);
}

/* --- loading ------------------------------------------------------------------------------- */

struct search {
	const char *path;
	bool found;
};

static int find_object(struct dl_phdr_info *info, size_t size, void *ud)
{
	struct search *search = ud;
	(void)size;
	search->found |= info->dlpi_name && strcmp(info->dlpi_name, search->path) == 0;
	return 0;
}

bool baton_try_is_mapped(const char *path)
{
	struct search search = { path, false };
	(void)dl_iterate_phdr(find_object, &search);
	return search.found;
}

void baton_check_load_unload(struct baton_try *trial)
{
	for (unsigned i = 0; i < LOADS && trial->fails == 0; i++) {
		baton_try_step(trial, "load number %u", i + 1);
		trial->host = baton_try_host(trial);
		if (!trial->host)
			return;
		baton_try_close(trial);
		if (i == 0 && baton_try_is_mapped(trial->path) && !trial->stays)
			baton_try_note(trial, "its code stays mapped after dlclose()");
	}
	if (trial->stays)
		baton_try_note(trial, "the server will not unmap it, because of %s",
			       trial->because);
}

void baton_check_instances(struct baton_try *trial)
{
	static const unsigned order[INSTANCES] = { 3, 0, 7, 1, 6, 2, 5, 4 };
	uint32_t inst[INSTANCES];
	if (!baton_try_open_learned(trial))
		return;
	for (unsigned i = 0; i < INSTANCES; i++)
		if (!baton_try_instance(trial, trial->host, &inst[i]))
			return;
	for (unsigned i = 0; i < INSTANCES; i++) {
		for (unsigned k = i; k < INSTANCES; k++)
			if (!baton_try_usual(trial, trial->host, inst[order[k]], k))
				return;
		baton_try_step(trial, "destroy instance %u while others serve", order[i]);
		baton_testhost_destroy(trial->host, inst[order[i]]);
	}
}

/* --- health -------------------------------------------------------------------------------- */

void baton_check_health_0(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open(trial))
		return;
	if (!baton_testhost_module(trial->host)->check) {
		baton_try_skip(trial, "it has no check()");
		return;
	}
	unsigned requests = baton_testhost_requests(trial->host);
	for (int i = 0; i < 3; i++) {
		int32_t rc = baton_testhost_check(trial->host, trial->inst, 0, &call);
		if (rc < 0 || !baton_testhost_run(trial->host, call, 30000))
			baton_try_fail(trial, "check(0) said %d or has no end", rc);
		else if (!baton_testhost_heard(trial->host, call)->ended)
			baton_try_fail(trial, "check(0) fails: %s",
				       baton_testhost_heard(trial->host, call)->error.message.p);
	}
	if (baton_testhost_requests(trial->host) > requests)
		baton_try_fail(trial, "check(0) is a self-test; it asked the network");
}

void baton_check_health_1(struct baton_try *trial)
{
	static const struct {
		const char *what;
		uint32_t status, fail;
		bool hang;
	} worlds[] = { { "an upstream that answers", 200, 0, false },
		       { "401", 401, 0, false },
		       { "500", 500, 0, false },
		       { "a refused connection", 0, BATON_FAIL_UNAVAILABLE, false },
		       { "an upstream that is silent", 0, 0, true } };
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	if (!baton_testhost_module(trial->host)->check) {
		baton_try_skip(trial, "it has no check()");
		return;
	}
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		baton_exchange e = baton_testhost_exchange();
		e.times = 4;
		e.status = worlds[i].status;
		e.fail = worlds[i].fail;
		e.hang = worlds[i].hang;
		e.body = "{}";
		baton_testhost_expect_nothing(trial->host);
		baton_testhost_expect(trial->host, &e);
		baton_try_step(trial, "check(1) with %s", worlds[i].what);
		unsigned before = baton_testhost_requests(trial->host);
		int32_t rc = baton_testhost_check(trial->host, trial->inst, 1, &call);
		if (rc >= 0 && !baton_testhost_run(trial->host, call, trial->call_ms))
			baton_try_fail(trial, "check(1) with %s has no end", worlds[i].what);
		const baton_heard *heard = baton_testhost_heard(trial->host, call);
		bool asked = baton_testhost_requests(trial->host) > before;
		if (!asked || !heard->ended || i == 0)
			continue;
		/* Any answer shows that somebody is there; none shows nothing. */
		if (worlds[i].status)
			baton_try_note(trial, "check(1) with %s says that all is well",
				       worlds[i].what);
		else
			baton_try_fail(trial, "check(1) with %s says that all is well",
				       worlds[i].what);
	}
}

/* --- state --------------------------------------------------------------------------------- */

/* save() of trial->inst, kept. false: it has none, or told. */
static bool saved(struct baton_try *trial, char **ret, size_t *ret_n)
{
	baton_str bytes;
	const baton_state *state = baton_testhost_module(trial->host)->state;
	if (!state) {
		baton_try_skip(trial, "it keeps no state");
		return false;
	}
	baton_try_step(trial, "save()");
	int32_t rc = baton_testhost_save(trial->host, trial->inst, &bytes);
	if (rc != BATON_OK) {
		baton_try_fail(trial, "save() said %d", rc);
		return false;
	}
	*ret = baton_memdupz(bytes.p, bytes.n);
	*ret_n = bytes.n;
	return true;
}

/* load() into a new instance, before it is active; then it must serve. */
static int32_t load_into_new(struct baton_try *trial, uint32_t schema, baton_str bytes,
			     size_t chunk, const char *what)
{
	uint32_t inst;
	baton_try_step(trial, "load() of %s", what);
	int32_t rc = baton_testhost_create_only(trial->host, baton_str_of(trial->config), &inst);
	if (rc != BATON_OK)
		return rc;
	rc = baton_testhost_load(trial->host, inst, schema, bytes, chunk);
	if (rc > 0)
		baton_try_fail(trial, "load() of %s said %d", what, rc);
	if (baton_testhost_activate(trial->host, inst) != BATON_OK)
		baton_try_fail(trial, "after load() of %s it cannot be activated", what);
	else if (baton_try_ready(trial, trial->host, inst))
		(void)baton_try_usual(trial, trial->host, inst, 0);
	baton_testhost_destroy(trial->host, inst);
	return rc;
}

void baton_check_state(struct baton_try *trial)
{
	char *bytes = NULL;
	size_t n = 0;
	if (!baton_try_open_learned(trial))
		return;
	for (unsigned i = 0; i < 5; i++)
		(void)baton_try_usual(trial, trial->host, trial->inst, i);
	if (!saved(trial, &bytes, &n))
		return;
	const baton_state *state = baton_testhost_module(trial->host)->state;
	const size_t chunks[] = { 0, 1, 7, 4096 };
	for (size_t i = 0; i < 4; i++) {
		char what[64];
		(void)snprintf(what, sizeof(what), "its own state, %zu bytes at a time", chunks[i]);
		if (chunks[i] == 1 && n > 1 << 20)
			continue;
		int32_t rc = load_into_new(trial, state->schema, (baton_str){ bytes, n }, chunks[i],
					   what);
		if (rc != BATON_OK)
			baton_try_fail(trial, "%s: load() said %d", what, rc);
	}
	baton_try_note(trial, "%zu bytes, schema %u, reads from %u on", n, state->schema,
		       state->min_schema);
	baton_free(bytes);
}

void baton_check_state_garbage(struct baton_try *trial)
{
	char *bytes = NULL, garbage[4096];
	size_t n = 0;
	if (!baton_try_open_learned(trial) || !saved(trial, &bytes, &n))
		return;
	const baton_state *state = baton_testhost_module(trial->host)->state;
	for (unsigned i = 0; i < GARBAGE && trial->fails == 0; i++) {
		size_t len = baton_try_random(trial) % sizeof(garbage);
		for (size_t b = 0; b < len; b++)
			garbage[b] = (char)baton_try_random(trial);
		(void)load_into_new(trial, state->schema, (baton_str){ garbage, len }, 0,
				    "random bytes");
		size_t cut = n ? baton_try_random(trial) % n : 0;
		(void)load_into_new(trial, state->schema, (baton_str){ bytes, cut }, 0,
				    "a part of its state");
		char *flipped = baton_memdupz(bytes, n);
		for (unsigned f = 0; n > 0 && f < 4; f++)
			flipped[baton_try_random(trial) % n] ^= (char)(1 + i % 255);
		(void)load_into_new(trial, state->schema, (baton_str){ flipped, n }, 100,
				    "its state with flipped bits");
		baton_free(flipped);
	}
	(void)load_into_new(trial, state->min_schema, (baton_str){ bytes, n }, 0,
			    "its state under its oldest schema");
	if (load_into_new(trial, state->schema + 1000, (baton_str){ bytes, n }, 0,
			  "a schema of tomorrow") == BATON_OK)
		baton_try_note(trial, "it takes state of a schema that it cannot know");
	baton_free(bytes);
}

/* --- secrets ------------------------------------------------------------------------------- */

static const char secret_word[] = "sk-check-6d1e9f04b7";
static const char customer_word[] = "Zebrastreifen-4471";

static void find_in_logs(struct baton_try *trial, const char *word, const char *what)
{
	uint32_t level;
	for (unsigned i = 0; i < baton_testhost_logs(trial->host); i++) {
		const char *line = baton_testhost_log(trial->host, i, &level);
		if (strstr(line, word))
			baton_try_fail(trial, "it logs %s: %.160s", what, line);
	}
}

/* The word as the value of every argument. */
static int32_t invoke_with_word(struct baton_try *trial, baton_call *ret_call)
{
	const char *name = trial->tool.name ? trial->tool.name : "check", *key;
	json_t *args = json_loads(trial->tool.args ? trial->tool.args : "{}", 0, NULL), *v;
	void *next;
	json_object_foreach_safe(args, next, key, v)
	{
		(void)json_object_set_new(args, key, json_string(customer_word));
	}
	char *text = json_dumps(args, JSON_COMPACT);
	int32_t rc = baton_testhost_tool(trial->host, trial->inst, name, text ? text : "{}",
					 BATON_TOOL_WRITES, ret_call);
	free(text); /* jansson's own allocation */
	json_decref(args);
	return rc;
}

static void ask_with_word(struct baton_try *trial, uint32_t status)
{
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	baton_call call = 0;
	char body[160];
	baton_exchange e = baton_testhost_exchange();
	(void)snprintf(body, sizeof(body),
		       "{\"error\":{\"message\":\"Incorrect API key provided: %s\"}}", secret_word);
	e.status = status;
	e.headers = "Content-Type: application/json\n";
	e.body = body;
	e.times = 4;
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, &e);
	baton_try_prompt(&prompt, &turn, &msg, customer_word);
	int32_t rc = BATON_E_UNSUPPORTED;
	const baton_query query = {
		.size = sizeof(query), .k = 3, .turn = &turn, .text = baton_str_of(customer_word)
	};
	const baton_entry entry = { .seq = status,
				    .unix_ms = 1,
				    .session_id = BATON_STR("s"),
				    .type = BATON_STR("customer_said"),
				    .json = BATON_STR("{\"text\":\"Zebrastreifen-4471\"}") };
	if (baton_try_is(trial, "provider"))
		rc = baton_testhost_generate(trial->host, trial->inst, &prompt, &call);
	else if (baton_try_is(trial, "classifier"))
		rc = baton_testhost_classify(trial->host, trial->inst, &turn, &call);
	else if (baton_try_is(trial, "retriever"))
		rc = baton_testhost_search(trial->host, trial->inst, &query, &call);
	else if (baton_try_is(trial, "transcript"))
		rc = baton_testhost_append(trial->host, trial->inst, &entry, 1, &call);
	else if (baton_try_is(trial, "tool"))
		rc = invoke_with_word(trial, &call);
	else if (baton_try_is(trial, "guard"))
		for (uint32_t at = BATON_AT_CUSTOMER; at <= BATON_AT_ANSWER; at <<= 1)
			(void)baton_testhost_look(trial->host, trial->inst, at, customer_word);
	if (rc >= 0 && call)
		(void)baton_testhost_run(trial->host, call, trial->call_ms);
}

void baton_check_secrets(struct baton_try *trial)
{
	uint32_t inst;
	if (baton_try_is(trial, "tool") ? !baton_try_open_learned(trial) : !baton_try_open(trial))
		return;
	static const uint32_t statuses[] = { 200, 401, 400, 500 };
	for (size_t i = 0; i < 4; i++)
		ask_with_word(trial, statuses[i]);
	/* A key that an operator has put where it does not belong. */
	json_t *json = json_loads(trial->config, 0, NULL);
	(void)json_object_set_new(json, "api_key", json_string(secret_word));
	(void)json_object_set_new(json, "password", json_string(secret_word));
	char *config = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	baton_try_step(trial, "create with a key in its configuration");
	if (config && baton_testhost_create(trial->host, config, &inst) == BATON_OK)
		baton_testhost_destroy(trial->host, inst);
	free(config); /* jansson's own allocation */
	find_in_logs(trial, secret_word, "a key");
	find_in_logs(trial, customer_word, "what a customer said");
}

/* --- the loop's time ----------------------------------------------------------------------- */

void baton_check_budget(struct baton_try *trial)
{
	uint64_t best = UINT64_MAX;
	const char *where = "";
	/* The machine has other work, too: the best of three rounds is the module's own. */
	for (int round = 0; round < 3; round++) {
		const char *at;
		if (!baton_try_open_learned(trial))
			return;
		for (unsigned i = 0; i < RUNS; i++)
			(void)baton_try_usual(trial, trial->host, trial->inst, i);
		uint64_t us = baton_testhost_slowest_us(trial->host, &at);
		if (us < best)
			best = us, where = at;
		baton_try_close(trial);
	}
	if (best > HARD_US)
		baton_try_fail(trial, "%.1f ms in %s: a loop with thousands of customers stands",
			       (double)best / 1000, where);
	else
		baton_try_note(trial, "%.1f ms at most, in %s%s", (double)best / 1000, where,
			       best > SOFT_US ? "; the aim is 5 ms" : "");
}

/* --- surroundings -------------------------------------------------------------------------- */

static void one_life(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		(void)baton_try_usual(trial, trial->host, trial->inst, 0);
	baton_try_close(trial);
}

static void settle(struct baton_try *trial, struct baton_surroundings *before, unsigned forgiven)
{
	struct baton_buf changed = { 0 };
	unsigned bits = baton_surroundings_settle(before, &changed);
	baton_surroundings_done(before);
	if (bits & ~forgiven)
		baton_try_fail(trial, "changed: %s", changed.p);
	else if (bits)
		baton_try_note(trial, "changed, as its flag RESIDENT says: %s", changed.p);
	baton_buf_done(&changed);
}

/* Handlers and the like: from before its first instruction. Descriptors and threads: from its
 * second life on, since libraries open something once and keep it for good. */
void baton_check_surroundings(struct baton_try *trial)
{
	struct baton_surroundings shared, counted;
	enum { COUNTED = BATON_SURROUND_FDS | BATON_SURROUND_THREADS };
	baton_surroundings_take(BATON_SURROUND_SHARED, &shared);
	one_life(trial);
	baton_surroundings_take(COUNTED, &counted);
	one_life(trial);
	settle(trial, &counted, trial->forgiven ? COUNTED : 0u);
	settle(trial, &shared, 0);
}
