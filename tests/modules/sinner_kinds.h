/* SPDX-License-Identifier: Apache-2.0 */

/* The sins of tools and guards: the rest of sinner.c, which includes it once. */
#pragma once

/* --- tools -------------------------------------------------------------------------------- */

static void bring(struct sinner *s, const char *json, uint32_t flags, const char *code)
{
	const baton_tool_result result = { .size = sizeof(result),
					   .flags = flags,
					   .json = { json, strlen(json) },
					   .code = { code, strlen(code) },
					   .http_status = 200,
					   .tries = 1 };
	s->seen = host->result(s->ctx, s->call, BATON_RESULT_TOOL, &result, sizeof(result));
}

static void bring_huge(struct sinner *s)
{
	size_t n = 64 * 1024 + 1;
	char *json = malloc(n + 1);
	if (!json)
		return;
	memset(json, '1', n);
	json[n] = 0;
	bring(s, json, 0, "");
	free(json);
}

static void bring_short(struct sinner *s)
{
	const baton_tool_result result = { .size = sizeof(result), .json = { "1", 1 } };
	s->seen = host->result(s->ctx, s->call, BATON_RESULT_TOOL, &result, 24);
}

static void doubt(struct sinner *s)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = BATON_FAIL_TIMEOUT,
				    .flags = BATON_ERROR_IN_DOUBT };
	(void)host->fail(s->ctx, s->call, &error);
}

static void tool_later(void *user)
{
	struct sinner *s = user;
	bring(s, "{\"late\":true}", 0, "");
	end(s);
}

static int32_t invoke(void *inst, baton_call call, const baton_tool_req *req)
{
	struct sinner *s = inst;
	char json[300];
	s->call = call;
	(void)snprintf(json, sizeof(json), "{\"did\":\"%.*s\",\"said\":\"%s\"}", (int)req->name.n,
		       req->name.p, s->text);
	if (strcmp(s->sin, "t_hang") == 0 || strcmp(s->sin, "t_late") == 0)
		return BATON_OK;
	if (strcmp(s->sin, "t_refuse") == 0)
		return BATON_E_DENIED;
	if (strcmp(s->sin, "t_later") == 0)
		return host->timer(s->ctx, 1, tool_later, s, NULL);
	if (strcmp(s->sin, "t_no") == 0)
		bring(s, "", BATON_TOOL_NO, "not_found");
	else if (strcmp(s->sin, "t_no_code") == 0)
		bring(s, "null", BATON_TOOL_NO, "Not Found");
	else if (strcmp(s->sin, "t_json") == 0)
		bring(s, "{\"a\":", 0, "");
	else if (strcmp(s->sin, "t_empty") == 0)
		bring(s, "", 0, "");
	else if (strcmp(s->sin, "t_huge") == 0)
		bring_huge(s);
	else if (strcmp(s->sin, "t_short") == 0)
		bring_short(s);
	else if (strcmp(s->sin, "t_delta") == 0)
		delta(s, "x", 1);
	else if (strcmp(s->sin, "t_doubt") == 0)
		doubt(s);
	else if (strcmp(s->sin, "t_nothing") != 0)
		bring(s, json, 0, "");
	if (strcmp(s->sin, "t_twice") == 0)
		bring(s, json, 0, "");
	memset(json, 'x', sizeof(json)); /* the host has its copy */
	if (strcmp(s->sin, "t_doubt") != 0)
		end(s);
	return BATON_OK;
}

static void tool_cancel(void *inst, baton_call call, uint32_t why)
{
	struct sinner *s = inst;
	(void)call, (void)why;
	if (strcmp(s->sin, "t_hang") == 0)
		return;
	if (strcmp(s->sin, "t_late") == 0)
		bring(s, "{\"late\":true}", 0, "");
	end(s);
}

/* --- guards ------------------------------------------------------------------------------- */

static uint32_t guard_sins(const struct sinner *s, const baton_inspection *what, baton_hits *out)
{
	static char type[] = "card";
	uint32_t n = (uint32_t)what->text.n;
	baton_hit *v = out->v;
	memcpy(type, "card", 4);
	v[0] = (baton_hit){ .end = n, .action = BATON_GUARD_REDACT, .type = { type, 4 } };
	v[1] = v[0];
	if (strcmp(s->sin, "g_two") == 0)
		v[0].end = v[1].begin = n / 2;
	else if (strcmp(s->sin, "g_order") == 0)
		v[0].begin = v[1].end = n / 2;
	else if (strcmp(s->sin, "g_overlap") != 0)
		out->n = 1;
	v[0].end += strcmp(s->sin, "g_outside") == 0;
	v[0].begin += strcmp(s->sin, "g_cut") == 0;
	v[0].confidence_ppm = strcmp(s->sin, "g_ppm") == 0 ? 1000001 : 900000;
	if (strcmp(s->sin, "g_type") == 0)
		v[0].type = (baton_str){ "Card", 4 };
	if (strcmp(s->sin, "g_rule") == 0)
		v[0].rule = (baton_str){ "a rule", 6 };
	if (strcmp(s->sin, "g_empty") == 0)
		v[0].end = 0;
	if (strcmp(s->sin, "g_action") == 0)
		v[0].action = 99;
	if (strcmp(s->sin, "g_append") == 0)
		v[0].action = BATON_GUARD_APPEND, v[0].text = (baton_str){ "words", 5 };
	if (strcmp(s->sin, "g_safe") == 0)
		return n + 1;
	return strcmp(s->sin, "g_half") == 0 ? n / 2 : n;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct sinner *s = inst;
	static baton_hit mine[2];
	if (strcmp(s->sin, "g_fails") == 0)
		return BATON_E_INVAL;
	if (strcmp(s->sin, "g_limit") == 0)
		return BATON_E_LIMIT;
	if (strcmp(s->sin, "g_odd") == 0)
		return 7;
	if (strcmp(s->sin, "sleepy") == 0)
		nap(20);
	out->n = 2;
	out->safe = guard_sins(s, what, out);
	if (strcmp(s->sin, "g_many") == 0)
		out->n = out->cap + 1;
	if (strcmp(s->sin, "g_list") == 0)
		out->v = mine;
	return BATON_OK;
}
