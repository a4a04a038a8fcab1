/* SPDX-License-Identifier: Apache-2.0 */

/* A provider without network that says three words, a millisecond apart. */
#include "tests/modules/sin.h"

static const char *const words[] = { "one ", "two ", "three" };

struct call {
	struct inst *inst;
	struct call *next;
	baton_call call;
	baton_timer timer;
	unsigned at;
	bool held, over;
};

static void forget(struct call *c)
{
	struct call **at = &c->inst->calls;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	if (!is(c->inst, "left_timers") && !is(c->inst, "stale_timer"))
		(void)c->inst->host->timer_stop(c->inst->ctx, c->timer);
	if (!is(c->inst, "stale_timer"))
		free(c);
	else
		c->over = true;
}

static void finish(struct call *c)
{
	struct inst *i = c->inst;
	baton_usage usage = { .size = sizeof(usage),
			      .flags = BATON_USAGE_ESTIMATED,
			      .out_tokens = 3 };
	if (!is(i, "no_usage"))
		(void)i->host->usage(i->ctx, c->call, &usage);
	if (is(i, "never"))
		return;
	(void)i->host->end(i->ctx, c->call, BATON_END_STOP);
	if (is(i, "two_ends"))
		(void)i->host->end(i->ctx, c->call, BATON_END_STOP);
	if (is(i, "after_end"))
		(void)i->host->delta(i->ctx, c->call, BATON_DELTA_TEXT, str("more"));
	forget(c);
}

static void say(void *user);

static void wait(struct call *c)
{
	struct inst *i = c->inst;
	if (i->host->timer(i->ctx, 1, say, c, &c->timer) == BATON_OK)
		return;
	if (is(i, "fault_hangs"))
		return;
	fail(i, c->call, BATON_FAIL_INTERNAL, 0, 0);
	forget(c);
}

static void say(void *user)
{
	struct call *c = user;
	struct inst *i = c->inst;
	c->timer = 0;
	if (c->over) {
		(void)i->host->timer(i->ctx, 1, say, c, &c->timer);
		return;
	}
	const char *word = is(i, "bad_utf8") ? "\xff\xfe" : words[c->at];
	int32_t rc = i->host->delta(i->ctx, c->call, BATON_DELTA_TEXT, str(word));
	if (rc == BATON_E_AGAIN && is(i, "insists")) {
		(void)i->host->delta(i->ctx, c->call, BATON_DELTA_TEXT, str(word));
		c->held = true;
		return;
	}
	if (rc == BATON_E_AGAIN && !is(i, "skips_word")) {
		c->held = !is(i, "forgets_again");
		return;
	}
	if (rc != BATON_OK && rc != BATON_E_AGAIN) {
		forget(c);
		if (is(i, "stale_timer"))
			(void)i->host->timer(i->ctx, 1, say, c, &c->timer);
		return;
	}
	if (rc == BATON_E_AGAIN) { /* skips_word */
		c->at++;
		c->held = true;
		return;
	}
	if (++c->at == 3)
		finish(c);
	else
		wait(c);
}

static void work(void *user)
{
	struct call *c = user;
	(void)c->inst->host->delta(c->inst->ctx, c->call, BATON_DELTA_TEXT, str("x"));
}

static void work_done(void *user, int32_t status)
{
	(void)status;
	wait(user);
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct inst *i = inst;
	struct call *c = calloc(1, sizeof(*c));
	if (!c)
		return BATON_E_NOMEM;
	if (is(i, "crash_no_docs") && !prompt->docs)
		crash();
	if (is(i, "logs_customer") && prompt->turn->n_msgs > 0)
		i->host->log(i->ctx, BATON_LOG_INFO, prompt->turn->msgs[0].text);
	if (is(i, "sleeps"))
		nap(300);
	c->inst = i;
	c->call = call;
	if (is(i, "one_at_a_time") && i->calls)
		forget(i->calls);
	c->next = i->calls;
	i->calls = c;
	(void)i->host->call_set(i->ctx, call, c);
	if (is(i, "late_hangs") && prompt->turn->deadline_ns <= i->host->now_ns(i->ctx))
		return BATON_OK;
	if (is(i, "wrong_thread"))
		return i->host->job(i->ctx, work, work_done, c, NULL);
	if (i->host->timer(i->ctx, 1, say, c, &c->timer) == BATON_OK)
		return BATON_OK;
	i->calls = c->next;
	free(c);
	return BATON_E_LIMIT;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct inst *i = inst;
	struct call *c = i->host->call_get(i->ctx, call);
	(void)why;
	if (is(i, "late_word"))
		(void)i->host->delta(i->ctx, call, BATON_DELTA_TEXT, str("more"));
	if (is(i, "no_end")) {
		if (c)
			forget(c);
		return;
	}
	(void)i->host->end(i->ctx, call, BATON_END_STOP);
	if (c)
		forget(c);
}

static void resume(void *inst, baton_call call)
{
	struct inst *i = inst;
	struct call *c = i->host->call_get(i->ctx, call);
	if (c && c->held) {
		c->held = false;
		if (c->at == 3)
			finish(c);
		else
			say(c);
	}
}

static int32_t models(void *inst, const baton_sink *json)
{
	const char *text = is(inst, "models_text") ? "three of them" : "[]";
	return json->write(json->ud, text, strlen(text));
}

/* --- state: how often it was asked --- */

static int32_t save(void *inst, const baton_sink *sink)
{
	struct inst *i = inst;
	uint32_t bytes[2] = { 0x73696e21, i->n };
	return sink->write(sink->ud, bytes, sizeof(bytes));
}

static int32_t load_state(void *inst, uint32_t schema, const baton_source *source)
{
	struct inst *i = inst;
	uint32_t bytes[2];
	char *to = (char *)bytes;
	size_t n = 0;
	if (schema != 1)
		return BATON_E_SCHEMA;
	while (n < sizeof(bytes)) {
		int64_t got = source->read(source->ud, to + n, sizeof(bytes) - n);
		if (got <= 0 || is(i, "reads_once"))
			break;
		n += (size_t)got;
	}
	if (is(i, "state_crash") && (n < sizeof(bytes) || bytes[0] != 0x73696e21))
		crash();
	if (n < sizeof(bytes) || bytes[0] != 0x73696e21)
		return BATON_E_SCHEMA;
	i->n = bytes[1];
	return BATON_OK;
}

static const baton_state state = {
	.size = sizeof(state), .schema = 1, .min_schema = 1, .save = save, .load = load_state
};
#define SIN_STATE &state
static const baton_provider provider = { .size = sizeof(provider),
					 .models = models,
					 .start = start,
					 .cancel = cancel,
					 .resume = resume };
#define VT BATON_PROVIDER, &provider
SIN_MODULE("sin-calls", "provider", VT);
