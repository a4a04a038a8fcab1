/* SPDX-License-Identifier: Apache-2.0 */

/* The report in its three forms: TAP for people and CI, JSON and JUnit for tools. */
#include "core/check/check.h"

static baton_str line_take(baton_str *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	size_t n = lf ? (size_t)(lf - rest->p) : rest->n;
	baton_str line = { rest->p, n };
	rest->p += n + (lf != NULL);
	rest->n -= n + (lf != NULL);
	return line;
}

void baton_check_tap(const struct baton_check_report *report,
		     const struct baton_check_result *result, struct baton_buf *out)
{
	size_t number = (size_t)(result - report->v) + 1;
	baton_str rest = baton_buf_view(&result->detail);
	baton_buf_printf(out, "%sok %zu - %s: %s",
			 result->verdict == BATON_CHECK_FAILED ? "not " : "", number, result->name,
			 result->wants);
	if (result->verdict == BATON_CHECK_SKIPPED) {
		baton_str reason = line_take(&rest);
		baton_buf_z(out, " # SKIP ");
		baton_buf_str(out, reason);
	}
	baton_buf_z(out, "\n");
	while (rest.n > 0) {
		baton_str line = line_take(&rest);
		baton_buf_z(out, "# ");
		baton_buf_str(out, line);
		baton_buf_z(out, "\n");
	}
}

static const char *level_text(char level)
{
	switch (level) {
	case 'A':
		return "A: the file is a module";
	case 'B':
		return "B: it keeps the contract";
	case 'C':
		return "C: it can be swapped while it serves";
	default:
		return "none";
	}
}

void baton_check_tap_end(const struct baton_check_report *report, struct baton_buf *out)
{
	baton_buf_printf(out, "# %s %s, %s%s: %zu passed, %zu skipped, %zu failed\n", report->id,
			 report->version, report->kind, report->isolated ? ", isolated" : "",
			 report->ok, report->skipped, report->failed);
	baton_buf_printf(out, "# level %s\n", level_text(report->level));
}

static void json_text(struct baton_buf *out, const char *name, baton_str value)
{
	baton_buf_printf(out, "\"%s\":", name);
	baton_buf_json(out, value);
}

static const char *verdict_name(enum baton_check_verdict verdict)
{
	switch (verdict) {
	case BATON_CHECK_OK:
		return "ok";
	case BATON_CHECK_FAILED:
		return "failed";
	case BATON_CHECK_SKIPPED:
		return "skipped";
	}
	return "failed";
}

void baton_check_json(const struct baton_check_report *report, struct baton_buf *out)
{
	const char level[2] = { report->level, '\0' };
	baton_buf_z(out, "{");
	json_text(out, "id", baton_str_of(report->id));
	baton_buf_z(out, ",");
	json_text(out, "version", baton_str_of(report->version));
	baton_buf_z(out, ",");
	json_text(out, "kind", baton_str_of(report->kind));
	baton_buf_z(out, ",");
	json_text(out, "sha256", baton_str_of(report->sha256));
	baton_buf_printf(out, ",\"isolated\":%s,", report->isolated ? "true" : "false");
	json_text(out, "level", baton_str_of(report->level == '-' ? "" : level));
	baton_buf_printf(out, ",\"passed\":%zu,\"skipped\":%zu,\"failed\":%zu,\"swaps\":%u",
			 report->ok, report->skipped, report->failed, report->swaps_done);
	baton_buf_z(out, ",\"checks\":[");
	for (size_t i = 0; i < report->n; i++) {
		const struct baton_check_result *r = &report->v[i];
		baton_buf_z(out, i ? ",\n{" : "\n{");
		json_text(out, "name", baton_str_of(r->name));
		baton_buf_z(out, ",");
		json_text(out, "group", baton_str_of(r->group));
		baton_buf_z(out, ",");
		json_text(out, "wants", baton_str_of(r->wants));
		baton_buf_z(out, ",");
		json_text(out, "verdict", baton_str_of(verdict_name(r->verdict)));
		baton_buf_printf(out, ",\"ms\":%llu,", (unsigned long long)r->ms);
		json_text(out, "detail", baton_buf_view(&r->detail));
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]}\n");
}

/* XML 1.0 has no way to write most control characters. */
static void xml_text(struct baton_buf *out, baton_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '<')
			baton_buf_z(out, "&lt;");
		else if (c == '&')
			baton_buf_z(out, "&amp;");
		else if (c == '"')
			baton_buf_z(out, "&quot;");
		else if (c == '\n')
			baton_buf_z(out, "&#10;");
		else
			baton_buf_add(out, c < 0x20 ? "?" : (const char *)s.p + i, 1);
	}
}

void baton_check_junit(const struct baton_check_report *report, struct baton_buf *out)
{
	baton_buf_z(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	baton_buf_printf(
		out, "<testsuite name=\"%s%s\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
		report->id, report->isolated ? " isolated" : "", report->n, report->failed,
		report->skipped);
	for (size_t i = 0; i < report->n; i++) {
		const struct baton_check_result *r = &report->v[i];
		baton_buf_printf(out, "<testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"",
				 r->group, r->name, (double)r->ms / 1000.0);
		if (r->verdict == BATON_CHECK_OK) {
			baton_buf_z(out, "/>\n");
			continue;
		}
		baton_buf_printf(out, "><%s message=\"",
				 r->verdict == BATON_CHECK_FAILED ? "failure" : "skipped");
		xml_text(out, baton_buf_view(&r->detail));
		baton_buf_z(out, "\"/></testcase>\n");
	}
	baton_buf_z(out, "</testsuite>\n");
}
