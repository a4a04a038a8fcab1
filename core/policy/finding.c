/* SPDX-License-Identifier: Apache-2.0 */

/* Findings: an error must be as easy to mend as a compiler's. Everything shown comes from files
 * that may be hostile or merely binary, so control characters never reach a terminal.
 */

#include "core/policy/finding.h"

#include "core/base/buf.h"
#include "core/base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 240, WORD_BYTES_MAX = 64, WIDTH_MAX = 120 };

struct baton_finding_entry {
	struct baton_policy_finding finding;
	size_t order; /* as found: keeps the sort stable */
};

/* Copies `s` so that it can be printed: C0, DEL and C1 characters become '?', tabs stay. */
static char *printable(struct baton_arena *arena, baton_str s)
{
	char *p = baton_arena_dup(arena, s.p, s.n);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)p[i],
			      after = (unsigned char)(i + 1 < s.n ? p[i + 1] : 0);

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			p[i] = '?';
		else if (c == 0xc2 && after >= 0x80 && after < 0xa0)
			p[i] = p[i + 1] = '?';
	}
	return p;
}

const char *baton_finding_word(struct baton_findings *findings, baton_str word)
{
	baton_str cut = baton_str_clip(word, WORD_BYTES_MAX);
	char *p = printable(findings->arena, cut);

	for (size_t i = 0; i < cut.n; i++)
		if (p[i] == '\t')
			p[i] = '?';
	return p;
}

/* --- places --- */

/* Bytes of the line break at `at`, 0 if there is none. libyaml breaks lines as YAML 1.1 does: also
 * at NEL, LS and PS. */
static size_t break_at(const struct baton_policy_source *source, size_t at)
{
	const char *p = source->text + at;
	size_t n = source->n - at;

	switch (n ? (unsigned char)p[0] : 0) {
	case '\n':
		return 1;
	case '\r':
		return n >= 2 && p[1] == '\n' ? 2 : 1;
	case 0xc2:
		return n >= 2 && p[1] == '\x85' ? 2 : 0;
	case 0xe2:
		return n >= 3 && p[1] == '\x80' && (p[2] == '\xa8' || p[2] == '\xa9') ? 3 : 0;
	default:
		return 0;
	}
}

enum { LEADS_N = 4 };

/* Where each byte that a line break may begin with stands next: what lies between need not be
 * looked at one by one. */
struct leads {
	size_t at[LEADS_N];
};

/* The first of them from `from` on; the end of the text if there is none. */
static size_t lead_next(const struct baton_policy_source *source, struct leads *leads, size_t from)
{
	static const int bytes[LEADS_N] = { '\n', '\r', 0xc2, 0xe2 };
	size_t first = source->n;

	for (size_t i = 0; i < LEADS_N; i++) {
		if (leads->at[i] < from || from == 0) {
			const char *p = memchr(source->text + from, bytes[i], source->n - from);

			leads->at[i] = p ? (size_t)(p - source->text) : source->n;
		}
		first = leads->at[i] < first ? leads->at[i] : first;
	}
	return first;
}

void baton_policy_source_index(struct baton_policy_source *source, struct baton_arena *arena)
{
	size_t n = 1;

	for (int pass = 0; pass < 2; pass++) { /* count, then note */
		struct leads leads = { { 0 } };

		if (pass == 1)
			source->lines = baton_arena_alloc(arena, n * sizeof(*source->lines));
		n = 1;
		for (size_t at = 0; at < source->n;) {
			at = lead_next(source, &leads, at);
			size_t bytes = break_at(source, at);

			at += bytes ? bytes : 1;
			if (bytes && pass == 1)
				source->lines[n] = at;
			n += bytes != 0;
		}
	}
	source->n_lines = n;
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t baton_policy_source_offset(const struct baton_policy_source *source, unsigned line,
				  unsigned column)
{
	if (line == 0 || line > source->n_lines)
		return source->n;
	size_t at = source->lines[line - 1];
	for (unsigned i = 1; i < column && at < source->n; i++) {
		at++;
		while (at < source->n && !starts_character(source->text[at]))
			at++;
	}
	return at;
}

struct baton_place baton_policy_source_place(struct baton_policy_source *source, size_t at,
					     size_t n)
{
	struct baton_place place = { .source = source, .column = 1 };
	size_t low = 0, high = source->n_lines;

	while (high - low > 1) { /* the last line that starts at or before `at` */
		size_t middle = low + (high - low) / 2;

		if (source->lines[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	place.line = (unsigned)low + 1;
	for (size_t i = source->lines[low]; i < at && i < source->n; i++)
		place.column += starts_character(source->text[i]);
	for (size_t i = at; i < at + n && i < source->n && !break_at(source, i); i++)
		place.width += starts_character(source->text[i]);
	if (place.width == 0)
		place.width = 1;
	return place;
}

/* The line of a place, or NULL if it is too long to be shown. */
static const char *place_line(struct baton_findings *findings, struct baton_place place)
{
	const struct baton_policy_source *source = place.source;

	if (place.line == 0 || place.line > source->n_lines)
		return NULL;
	size_t from = source->lines[place.line - 1], n = 0;
	while (n <= LINE_BYTES_MAX && from + n < source->n && !break_at(source, from + n))
		n++;
	if (baton_policy_source_offset(source, place.line, place.column) - from > LINE_BYTES_MAX)
		return NULL;
	baton_str line = { source->text + from, n };
	line = baton_str_clip(line, LINE_BYTES_MAX);
	return baton_str_utf8_ok(line) ? printable(findings->arena, line) : NULL;
}

/* --- gathering --- */

static const struct baton_policy_proof proofs[] = {
#define PROOF(NAME, name, meaning) { name, meaning },
#include "core/policy/proofs.def"
#undef PROOF
	{ NULL, NULL },
};

const struct baton_policy_proof *baton_policy_proof_at(size_t index)
{
	return index < BATON_PROOF_FORM ? &proofs[index] : NULL;
}

/* What a finding is, before its words. */
struct verdict {
	enum baton_proof proof;
	bool is_error;
};

static void finding_add(struct baton_findings *findings, struct baton_place place,
			struct verdict verdict, const char *text)
{
	struct baton_finding_entry entry = {
		.finding = { .file = place.source->name,
			     .line = place.line,
			     .column = place.column,
			     .width = place.width,
			     .is_error = verdict.is_error,
			     .text = text,
			     .proof = proofs[verdict.proof].name,
			     .source = place_line(findings, place) },
		.order = findings->n,
	};

	if (findings->n == findings->cap) {
		findings->cap = findings->cap ? findings->cap * 2 : 16;
		findings->v = baton_realloc(findings->v, findings->cap * sizeof(*findings->v));
	}
	findings->v[findings->n++] = entry;
}

__attribute__((format(printf, 4, 0))) static void finding_write(struct baton_findings *findings,
								struct baton_place place,
								struct verdict verdict,
								const char *fmt, va_list args)
{
	char text[1024];

	findings->n_errors += verdict.is_error;
	if (++place.source->n_findings > BATON_POLICY_FINDINGS_MAX + 1)
		return;
	if (place.source->n_findings > BATON_POLICY_FINDINGS_MAX) {
		place.line = UINT32_MAX; /* sorts behind the others, see finding_report_one */
		verdict.proof = BATON_PROOF_FORM;
		finding_add(findings, place, verdict, "more of this file is not shown");
		return;
	}
	int n = vsnprintf(text, sizeof(text), fmt, args);
	baton_str cut = { text, n < 0                      ? 0
				: (size_t)n < sizeof(text) ? (size_t)n
							   : sizeof(text) - 1 };
	cut.n -= baton_str_utf8_tail(cut);
	finding_add(findings, place, verdict, baton_arena_dup(findings->arena, cut.p, cut.n));
}

void baton_finding_error(struct baton_findings *findings, struct baton_place place, const char *fmt,
			 ...)
{
	va_list args;

	va_start(args, fmt);
	finding_write(findings, place, (struct verdict){ BATON_PROOF_FORM, true }, fmt, args);
	va_end(args);
}

void baton_finding_warning(struct baton_findings *findings, struct baton_place place,
			   const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	finding_write(findings, place, (struct verdict){ BATON_PROOF_FORM, false }, fmt, args);
	va_end(args);
}

void baton_proof_broken(struct baton_findings *findings, enum baton_proof proof,
			struct baton_place place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	finding_write(findings, place, (struct verdict){ proof, true }, fmt, args);
	va_end(args);
}

void baton_proof_doubted(struct baton_findings *findings, enum baton_proof proof,
			 struct baton_place place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	finding_write(findings, place, (struct verdict){ proof, false }, fmt, args);
	va_end(args);
}

static int entry_compare(const void *a, const void *b)
{
	const struct baton_finding_entry *x = a, *y = b;
	int names = strcmp(x->finding.file, y->finding.file);

	if (names != 0)
		return names;
	if (x->finding.line != y->finding.line)
		return x->finding.line < y->finding.line ? -1 : 1;
	if (x->finding.column != y->finding.column)
		return x->finding.column < y->finding.column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void baton_findings_report(struct baton_findings *findings, baton_policy_report *report, void *ud)
{
	if (findings->n > 0)
		qsort(findings->v, findings->n, sizeof(*findings->v), entry_compare);
	for (size_t i = 0; i < findings->n && report; i++) {
		struct baton_policy_finding finding = findings->v[i].finding;

		if (finding.line == UINT32_MAX)
			finding.line = finding.column = finding.width = 0;
		report(ud, &finding);
	}
}

void baton_findings_done(struct baton_findings *findings)
{
	baton_free(findings->v);
	memset(findings, 0, sizeof(*findings));
}

/* --- showing --- */

void baton_policy_finding_text(const struct baton_policy_finding *finding, struct baton_buf *out)
{
	baton_buf_z(out, finding->file);
	if (finding->line)
		baton_buf_printf(out, ":%u:%u", finding->line, finding->column);
	baton_buf_printf(out, ": %s: %s", finding->is_error ? "error" : "warning", finding->text);
	if (finding->proof)
		baton_buf_printf(out, " [%s]", finding->proof);
	baton_buf_z(out, "\n");
	if (!finding->source || !finding->line)
		return;
	baton_buf_printf(out, "%5u | %s\n      | ", finding->line, finding->source);

	const char *p = finding->source;
	for (unsigned column = 1; column < finding->column && *p; column++) {
		baton_buf_z(out, *p == '\t' ? "\t" : " "); /* a tab stays as wide as it is above */
		p++;
		while (*p && !starts_character(*p))
			p++;
	}
	baton_buf_z(out, "^");
	for (unsigned i = 1; i < finding->width && i < WIDTH_MAX; i++)
		baton_buf_z(out, "~");
	baton_buf_z(out, "\n");
}
