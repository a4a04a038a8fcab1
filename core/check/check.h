/* SPDX-License-Identifier: Apache-2.0 */

/* `baton module check`: does a module keep the contract, and what does it do when the world does
 * not. What can be seen from the file is looked at first; then every check runs in a process of its
 * own, this very program again, so that a crash or a hang is one failed check and no more.
 *
 * docs/CHECKER.md lists the checks; checks.def is the list itself.
 */
#pragma once

#include "core/base/buf.h"

enum baton_check_verdict { BATON_CHECK_OK, BATON_CHECK_FAILED, BATON_CHECK_SKIPPED };

struct baton_check_options {
	const char *path;   /* the module's file */
	const char *config; /* JSON; NULL: what its schema needs at least */
	const char *kind;   /* NULL: the first of its note */
	const char *cassette; /* the upstream's right answer (core/testhost/README.md); NULL: those known */
	const char *only;   /* names with commas, each may end in '*'; NULL: all */
	uint64_t seed;      /* of the fuzz */
	uint64_t reproduce; /* one input of the fuzz again; 0: none */
	unsigned swaps;     /* 0: 1000 */
	const char *program; /* `baton`, which is run for each check; NULL: this very program */
	const char *modhost; /* not NULL: through the proxy, in a process of its own */
};

/* One row of the report. */
struct baton_check_result {
	const char *name, *wants, *group; /* group: file, contract, swap */
	enum baton_check_verdict verdict;
	struct baton_buf detail; /* lines; of a failure, a skip or a remark */
	uint64_t ms;
};

struct baton_check_report {
	char id[64], version[32], kind[32], sha256[65];
	bool isolated;
	struct baton_check_result *v;
	size_t n, ok, failed, skipped;
	unsigned swaps_done;
	char level; /* 'A', 'B', 'C' or '-' */
};

/* Runs everything; `told` hears each row as soon as it is known (may be NULL). 0: the report is
 * filled, whatever it says; BATON_E_INVAL with a line in `why`: nothing could be checked. */
int baton_check_run(const struct baton_check_options *options,
		    void (*told)(void *ud, const struct baton_check_report *report,
				 const struct baton_check_result *result),
		    void *ud, struct baton_check_report *report, char *why, size_t cap);
void baton_check_report_done(struct baton_check_report *report);

/* Every check with what it wants. */
void baton_check_list(struct baton_buf *out);

/* One row, and the whole. */
void baton_check_tap(const struct baton_check_report *report,
		     const struct baton_check_result *result, struct baton_buf *out);
void baton_check_tap_end(const struct baton_check_report *report, struct baton_buf *out);
void baton_check_json(const struct baton_check_report *report, struct baton_buf *out);
void baton_check_junit(const struct baton_check_report *report, struct baton_buf *out);

/* The child's side: runs one check by its name and tells on descriptor 3. Its exit code. */
int baton_check_child(const struct baton_check_options *options, const char *name);
