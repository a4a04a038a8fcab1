/* SPDX-License-Identifier: Apache-2.0 */

/* Guards: personal data by kind, and instructions to the model, through the modules' own door. */

#include "tests/quality/kit.h"

#include "core/base/limits.h"

#include <math.h>
#include <string.h>

/* --- personal data --- */

static const struct kind {
	const char *name, *type;
	double recall, precision; /* goals */
} kinds[] = {
	{ "EMAIL_ADDRESS", "email", 100, 100 },
	{ "US_SSN", "national_id", 100, 100 },
	{ "IP_ADDRESS", "ip", 100, 100 },
	{ "IBAN_CODE", "iban", 100, 100 },
	{ "CREDIT_CARD", "card", 95, 98 },
	{ "PHONE_NUMBER", "phone", 95, 90 },
	{ "US_DRIVER_LICENSE", "document", 95, 95 },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
static struct {
	unsigned found, missed, wrong;
} counts[KINDS];

static baton_hit hits_v[BATON_HITS_MAX];

static const baton_hits *look(struct quality_module *module, uint32_t at, const char *text)
{
	static baton_hits hits;
	const baton_turn turn = { .size = sizeof(turn) };
	const baton_inspection what = { .size = sizeof(what),
					.at = at,
					.turn = &turn,
					.text = { text, strlen(text) },
					.final = 1 };

	hits = (baton_hits){ .size = sizeof(hits), .cap = BATON_HITS_MAX, .v = hits_v };
	if (((const baton_guard *)module->vt)->inspect(module->self, &what, &hits) < 0)
		hits.n = 0;
	return &hits;
}

/* The data counts characters. */
static size_t byte_at(const char *text, json_int_t character)
{
	size_t at = 0;

	for (; text[at] && (character > 0 || ((unsigned char)text[at] & 0xc0) == 0x80); at++)
		character -= ((unsigned char)text[at] & 0xc0) != 0x80;
	return at;
}

static int kind_of(const char *name, const char *type)
{
	for (int i = 0; i < KINDS; i++)
		if ((name && strcmp(kinds[i].name, name) == 0) ||
		    (type && strcmp(kinds[i].type, type) == 0))
			return i;
	return -1;
}

static bool is_type(const baton_hit *hit, int kind)
{
	return hit->type.n == strlen(kinds[kind].type) &&
	       memcmp(hit->type.p, kinds[kind].type, hit->type.n) == 0;
}

static void judge(const char *text, const json_t *spans, const baton_hits *hits)
{
	bool meant[BATON_HITS_MAX] = { false };
	const json_t *span;
	size_t i;

	json_array_foreach(spans, i, span) {
		int kind = kind_of(json_string_value(json_object_get(span, "type")), NULL);
		size_t begin = byte_at(text, json_integer_value(json_object_get(span, "start")));
		size_t end = byte_at(text, json_integer_value(json_object_get(span, "end")));
		bool whole = false;

		for (uint32_t h = 0; kind >= 0 && h < hits->n; h++) {
			const baton_hit *hit = &hits->v[h];

			if (!is_type(hit, kind) || hit->begin >= end || hit->end <= begin)
				continue;
			meant[h] = true;
			whole |= hit->begin <= begin && hit->end >= end;
		}
		if (kind >= 0 && whole)
			counts[kind].found++;
		else if (kind >= 0)
			counts[kind].missed++;
	}
	for (uint32_t h = 0; h < hits->n; h++)
		for (int kind = 0; kind < KINDS; kind++)
			counts[kind].wrong += !meant[h] && is_type(&hits->v[h], kind);
}

static void personal_data(void)
{
	struct quality_module module = quality_module("guard-pii", "{}");
	json_t *texts = quality_jsonl("pii/synth_pii.jsonl");
	const json_t *entry;
	size_t i;

	json_array_foreach(texts, i, entry) {
		const char *text = json_string_value(json_object_get(entry, "text"));
		const baton_hits *hits = look(&module, BATON_AT_CUSTOMER, text);

		judge(text, json_object_get(entry, "spans"), hits);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		unsigned found = counts[kind].found;
		char recall[64], precision[64];

		snprintf(recall, sizeof(recall), "personal data, %s, recall", kinds[kind].type);
		snprintf(precision, sizeof(precision), "personal data, %s, precision",
			 kinds[kind].type);
		quality_row(&(struct quality_row){
			.cell = recall,
			.value = 100.0 * found / (found + counts[kind].missed),
			.goal = kinds[kind].recall,
			.note = "synthetic texts, developed on: rules, nothing learned" });
		quality_row(&(struct quality_row){ .cell = precision,
						   .value = 100.0 * found /
							    (found + counts[kind].wrong),
						   .goal = kinds[kind].precision });
	}
	json_decref(texts);
	quality_module_close(&module);
}

/* What customers write is hardly ever a card number or an account. */
static void false_alarms(void)
{
	static const char *const files[] = { "clinc150/full_val.tsv", "banking77/val.tsv" };
	struct quality_module module = quality_module("guard-pii", "{}");
	unsigned hits = 0;
	size_t n = 0;

	for (size_t f = 0; f < 2; f++) {
		struct quality_lines lines = quality_tsv(files[f]);

		for (size_t i = 0; i < lines.n; i++)
			hits += lines.v[i][1] ? look(&module, BATON_AT_CUSTOMER, lines.v[i][1])->n
					      : 0;
		n += lines.n;
		quality_lines_free(&lines);
	}
	quality_row(
		&(struct quality_row){ .cell = "personal data, hits in 1,000 questions without any",
				       .value = 1000.0 * hits / (double)n,
				       .format = "%.2f",
				       .goal = 1,
				       .lower = true });
	quality_module_close(&module);
}

/* --- instructions to the model --- */

static double chance(struct quality_module *module, const char *text)
{
	const baton_hits *hits = look(module, BATON_AT_CUSTOMER, text);

	for (uint32_t i = 0; i < hits->n; i++)
		if (hits->v[i].type.n == 9 && memcmp(hits->v[i].type.p, "injection", 9) == 0)
			return hits->v[i].confidence_ppm;
	return 0;
}

static size_t harmless(struct quality_module *module, double *v)
{
	static const char *const files[] = { "clinc150/full_val.tsv", "banking77/val.tsv" };
	size_t n = 0;

	for (size_t f = 0; f < 2; f++) {
		struct quality_lines lines = quality_tsv(files[f]);

		for (size_t i = 0; i < lines.n && n < 20000; i++)
			if (lines.v[i][1])
				v[n++] = chance(module, lines.v[i][1]);
		quality_lines_free(&lines);
	}
	return n;
}

/* Of the prompts with an odd number: those with an even one were learned from. `all`: also
 * those whose only trick is that they are written in another language than the model was told.
 * Our customers write in any language: that is no attack, and nothing should mark it. */
static size_t harmful(struct quality_module *module, bool all, double *v)
{
	json_t *texts = quality_jsonl("injection/prompt_injection.jsonl");
	const json_t *entry;
	size_t n = 0, i;

	json_array_foreach(texts, i, entry) {
		const char *variant =
			json_string_value(json_object_get(entry, "injection_variant"));

		if (json_integer_value(json_object_get(entry, "prompt_id")) % 2 == 1 &&
		    (all || strcmp(variant, "different_user_input_language") != 0))
			v[n++] = chance(module,
					json_string_value(json_object_get(entry, "user_input")));
	}
	json_decref(texts);
	return n;
}

static double share_above(const double *v, size_t n, double limit)
{
	size_t above = 0;

	for (size_t i = 0; i < n; i++)
		above += v[i] > limit;
	return 100.0 * (double)above / (double)n;
}

static void injections(void)
{
	static double yes[1000], every[1000], no[20000];
	struct quality_module module =
		quality_module("guard-injection", "{\"policy\":{\"injection\":{\"threshold\":0}}}");
	size_t n_no = harmless(&module, no);
	size_t n_yes = harmful(&module, false, yes), n_every = harmful(&module, true, every);

	quality_row(&(struct quality_row){
		.cell = "injection, AUROC",
		.value = quality_auroc(yes, n_yes, no, n_no),
		.format = "%.3f",
		.goal = 0.989,
		.note = "half of the prompts held out; questions of two sets nobody learned from" });
	double limit = quality_quantile(no, n_no, 0.99);
	quality_row(&(struct quality_row){ .cell = "injection, recall at 1 % false alarms",
					   .value = share_above(yes, n_yes, limit),
					   .goal = 90 });
	quality_row(&(struct quality_row){
		.cell = "injection, AUROC, other languages as attacks",
		.value = quality_auroc(every, n_every, no, n_no),
		.format = "%.3f",
		.note = "16 of 112 prompts are only written in another language" });
	quality_row(
		&(struct quality_row){ .cell = "injection, false alarms at the usual threshold, %",
				       .value = share_above(no, n_no, 499999),
				       .format = "%.2f",
				       .goal = 2,
				       .lower = true });
	quality_module_close(&module);
}

/* --- time --- */

enum { LINES = 24, LINE_BYTES = 200, TIMES = 200, READ_TIMES = 10 };

/* The unavoidable: each byte of all lines is looked at once, each look waits for the one before. */
static double cost_of_reading(char lines[LINES][LINE_BYTES + 200])
{
	double best = 1e9;

	for (unsigned round = 0; round < TIMES; round++) {
		double begun = quality_cpu_s();
		volatile uint64_t kept;
		uint64_t hash = 14695981039346656037u; /* FNV-1a */

		for (size_t again = 0; again < READ_TIMES; again++)
			for (size_t i = 0; i < LINES; i++)
				for (size_t b = 0; b < LINE_BYTES; b++)
					hash = (hash ^ (uint8_t)lines[i][b]) * 1099511628211u;
		kept = hash;
		(void)kept;
		best = fmin(best, (quality_cpu_s() - begun) * 1e6 / READ_TIMES);
	}
	return best;
}

/* What a turn of a long conversation costs: all its lines by all three. The best of many rounds,
 * as what else the machine does makes some of them longer; and beside what any machine needs to
 * read as much, as machines differ. */
static void cost_of_a_turn(void)
{
	static const char *const names[] = { "guard-pii", "guard-injection", "guard-policy" };
	struct quality_lines words = quality_tsv("clinc150/full_val.tsv");
	static char lines[LINES][LINE_BYTES + 200];
	double us = 0;

	for (size_t i = 0, w = 0; i < LINES; i++) {
		size_t n =
			(size_t)snprintf(lines[i], 60, "Order %zu, card 4111 1111 1111 1111. ", i);

		for (; n < LINE_BYTES; w++)
			n += (size_t)snprintf(lines[i] + n, sizeof(lines[i]) - n, "%s. ",
					      words.v[w % words.n][1]);
		lines[i][LINE_BYTES] = '\0';
	}
	for (size_t m = 0; m < 3; m++) {
		struct quality_module module = quality_module(
			names[m],
			"{\"policy\":{\"promises\":[{\"id\":\"a\",\"forbid\":[\"full refund\","
			"\"/delivered (on|by) (monday|tuesday)/\"]}]}}");
		uint32_t at = m < 2 ? BATON_AT_CUSTOMER : BATON_AT_ANSWER;
		double best = 1e9;

		for (unsigned round = 0; round < TIMES; round++) {
			double begun = quality_cpu_s();

			for (size_t i = 0; i < LINES; i++)
				(void)look(&module, at, lines[i]);
			best = fmin(best, (quality_cpu_s() - begun) * 1e6);
		}
		us += best;
		fprintf(stderr, "# %s %.1f us\n", names[m], best);
		quality_module_close(&module);
	}
	quality_row(&(struct quality_row){ .cell = "three guards, 24 lines of 200 bytes, us",
					   .value = us,
					   .goal = quality_is_short() ? 0 : 200,
					   .lower = true });
	quality_row(&(struct quality_row){ .cell = "... beside hashing them byte by byte",
					   .value = us / cost_of_reading(lines),
					   .goal = 50,
					   .lower = true });
	quality_lines_free(&words);
}

int main(void)
{
	quality_open("Guards");
	personal_data();
	false_alarms();
	injections();
	cost_of_a_turn();
	return quality_close();
}
