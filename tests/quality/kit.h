/* SPDX-License-Identifier: Apache-2.0 */

/* What the parts of `make quality` share: rows of a table, public data, a module behind its ABI.
 *
 * A part is one file part_<name>.c with a main(). It opens a table, adds rows, and returns what
 * quality_close() says. A row with a goal that is missed makes the part fail; a row without one is
 * for reading. Figures are of the validation parts of public data that nothing was tuned on: see
 * README.md.
 */
#pragma once

#include "core/base/str.h"

#include <baton/testhost.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the table --- */

struct quality_row {
	const char *cell;      /* "CLINC150 full, accuracy" */
	double value;          /* NAN: could not be measured, which misses any goal */
	const char *format;    /* of the numbers; NULL: "%.1f" */
	double goal;           /* 0: none */
	bool lower;            /* lower is better */
	const char *published; /* by whom: "SVM 91.0, Rasa 91.5"; NULL: nothing is */
	const char *note;      /* more about the measurement; NULL */
};
void quality_open(const char *title);
void quality_row(const struct quality_row *row);
/* Prints the table. 0, or 1 if a goal was missed: what main() returns. */
int quality_close(void);
/* `make quality-short`: leave out what takes long. */
bool quality_is_short(void);

/* --- data: tests/data/<path>; the program ends if it is not there --- */

enum { QUALITY_COLUMNS_MAX = 6 };
struct quality_lines {
	char *bytes;
	char *(*v)[QUALITY_COLUMNS_MAX]; /* NULL: that line has no such column */
	size_t n;
};
/* Tab separated, without its header line. */
struct quality_lines quality_tsv(const char *path);
void quality_lines_free(struct quality_lines *lines);
/* One JSON value per line, as an array; json_decref() it. */
json_t *quality_jsonl(const char *path);
json_t *quality_json(const char *path);

/* --- a module of this build --- */

struct quality_module {
	baton_testhost *host;
	uint32_t inst;
	const void *vt; /* of its kind, for calls without a host in between */
	void *self;     /* the instance, for `vt` */
	double create_s, ready_s; /* CPU seconds: create(), and until check() has ended */
};
/* "classifier-linear" with its configuration, when it is ready to serve. Ends the program with a line
 * if it cannot be. Close with quality_module_close(). */
struct quality_module quality_module(const char *name, const char *config);
void quality_module_close(struct quality_module *module);

/* --- arithmetic --- */

double quality_cpu_s(void); /* of this thread */
/* Chance that one of `yes` is above one of `no`; ties count half. Sorts both. */
double quality_auroc(double *yes, size_t n_yes, double *no, size_t n_no);
/* The value that a share of them does not exceed. Sorts. */
double quality_quantile(double *values, size_t n, double share);
