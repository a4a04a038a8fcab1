/* SPDX-License-Identifier: Apache-2.0 */

/* What is wrong with a policy set, and where: gathered while reading, sorted, then reported.
 * Internal to core/policy. */
#pragma once

#include "core/policy/policy.h"

/* One file of the set. Lives as long as the load. */
struct baton_policy_source {
	const char *name; /* relative to the set */
	const char *text; /* as read; NUL-terminated; "" for a file that is not there */
	size_t n;
	size_t *lines; /* byte offset of each line's start */
	size_t n_lines;
	size_t n_findings;
	bool broken; /* could not be read or parsed: nothing can be said about what it holds */
};

/* Where in a file. */
struct baton_place {
	struct baton_policy_source *source;
	unsigned line, column, width; /* 1-based, in characters; line 0: the file as a whole */
};

struct baton_findings {
	struct baton_arena *arena; /* for the texts */
	struct baton_finding_entry *v;
	size_t n, cap, n_errors;
};

/* What is proved of a set (proofs.def). FORM: how a file is written, no proof. */
enum baton_proof {
#define PROOF(NAME, name, meaning) BATON_PROOF_##NAME,
#include "core/policy/proofs.def"
#undef PROOF
	BATON_PROOF_FORM
};

/* Adds one. Text is copied. Past BATON_POLICY_FINDINGS_MAX of one file only errors are counted. */
__attribute__((format(printf, 3, 4))) void baton_finding_error(struct baton_findings *findings,
							       struct baton_place place,
							       const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void baton_finding_warning(struct baton_findings *findings,
								 struct baton_place place,
								 const char *fmt, ...);
/* The same about a proof: it does not hold (an error), or it holds and yet (a warning). The sentence
 * holds a counterexample. */
__attribute__((format(printf, 4, 5))) void baton_proof_broken(struct baton_findings *findings,
							      enum baton_proof proof,
							      struct baton_place place,
							      const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void baton_proof_doubted(struct baton_findings *findings,
							       enum baton_proof proof,
							       struct baton_place place,
							       const char *fmt, ...);
/* Reports all, by file, line and column. */
void baton_findings_report(struct baton_findings *findings, baton_policy_report *report, void *ud);
void baton_findings_done(struct baton_findings *findings);

/* A name out of a file, as it may be shown in a sentence: cut to 64 bytes, control characters as
 * '?'. In the findings' arena. */
const char *baton_finding_word(struct baton_findings *findings, baton_str word);

/* Finds the starts of lines, as libyaml counts them. Call once per source. */
void baton_policy_source_index(struct baton_policy_source *source, struct baton_arena *arena);
/* Byte offset of a 1-based line and column, at most source->n. */
size_t baton_policy_source_offset(const struct baton_policy_source *source, unsigned line,
				  unsigned column);
/* The place of `n` bytes at a byte offset; the width ends with the line. */
struct baton_place baton_policy_source_place(struct baton_policy_source *source, size_t at,
					     size_t n);
static inline struct baton_place baton_policy_source_whole(struct baton_policy_source *source)
{
	struct baton_place place = { .source = source };
	return place;
}
