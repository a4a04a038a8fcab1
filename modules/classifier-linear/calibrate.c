/* SPDX-License-Identifier: Apache-2.0 */

/* Margins to probabilities: logistic regression on (margin, gap, unknown), fitted by Newton's
 * method on scores of examples that were held out of training.
 *
 * Small sets are often separable (every held-out example right), where the plain fit runs off to
 * certainty. Two things keep it modest: Platt's targets, which are never quite 0 or 1, and a
 * penalty on the weights as if a few more examples had been seen.
 *
 * Customers also ask for what no intent covers, and training has no such examples. Each held-out
 * example is therefore judged a second time with its own intent struck out: whatever is best then
 * is wrong. These count little (see train.c), yet without them a model of few intents is sure of
 * everything.
 */

#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COEFS = 4, NEWTON_STEPS = 25 };
static const double penalty = 1.0;

/* Solves the 4x4 system in place by elimination with pivots; the penalty keeps it regular. */
static void solve(double a[COEFS][COEFS + 1])
{
	for (unsigned i = 0; i < COEFS; i++) {
		unsigned pivot = i;

		for (unsigned r = i + 1; r < COEFS; r++)
			if (fabs(a[r][i]) > fabs(a[pivot][i]))
				pivot = r;
		for (unsigned c = 0; c <= COEFS; c++) {
			double t = a[i][c];

			a[i][c] = a[pivot][c];
			a[pivot][c] = t;
		}
		for (unsigned r = 0; r < COEFS; r++) {
			double f = r == i ? 0 : a[r][i] / a[i][i];

			for (unsigned c = i; c <= COEFS; c++)
				a[r][c] -= f * a[i][c];
		}
	}
}

/* One example's share of gradient and curvature. */
static void add_example(double a[COEFS][COEFS + 1], const double w[COEFS],
			const struct train_verdict *v, double target)
{
	const struct model_score s = v->score;
	const double x[COEFS] = { 1, (double)s.margin, (double)s.gap, (double)s.unknown };
	double z = 0;

	for (unsigned i = 0; i < COEFS; i++)
		z += w[i] * x[i];
	double p = 1 / (1 + exp(-z));

	for (unsigned i = 0; i < COEFS; i++) {
		for (unsigned j = 0; j < COEFS; j++)
			a[i][j] += (double)v->weight * p * (1 - p) * x[i] * x[j];
		a[i][COEFS] += (double)v->weight * (target - p) * x[i];
	}
}

struct calibration calibration_fit(const struct train_verdict *verdicts, uint32_t n)
{
	double w[COEFS] = { 0 };
	double n_right = 0, n_all = 0;

	for (uint32_t i = 0; i < n; i++) {
		n_all += (double)verdicts[i].weight;
		n_right += verdicts[i].right ? (double)verdicts[i].weight : 0;
	}
	double yes = (n_right + 1) / (n_right + 2), no = 1 / (n_all - n_right + 2);

	for (unsigned step = 0; step < NEWTON_STEPS; step++) {
		double a[COEFS][COEFS + 1] = { 0 };

		for (uint32_t i = 0; i < n; i++)
			add_example(a, w, &verdicts[i], verdicts[i].right ? yes : no);
		for (unsigned i = 0; i < COEFS; i++) {
			a[i][i] += i == 0 ? 1e-6 : penalty;
			a[i][COEFS] -= i == 0 ? 0 : penalty * w[i];
		}
		solve(a);
		for (unsigned i = 0; i < COEFS; i++)
			w[i] += a[i][COEFS] / a[i][i];
	}
	return (struct calibration){ (float)w[0], (float)w[1], (float)w[2], (float)w[3] };
}

static int by_value(const void *left, const void *right)
{
	float l = *(const float *)left, r = *(const float *)right;

	return (l > r) - (l < r);
}

float quantile(float *values, uint32_t n, float share)
{
	qsort(values, n, sizeof(*values), by_value);
	uint32_t at = (uint32_t)((float)n * share);

	return values[at < n ? at : n - 1];
}
