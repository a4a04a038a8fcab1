/* SPDX-License-Identifier: Apache-2.0 */

/* Makes modules/classifier-linear/vectors.bin: for each word that support chats have in common, a
 * hundred numbers such that words used alike are near each other (PPMI and a truncated SVD). Run by
 * `make vectors`; the same texts give the same file.
 *
 *   make_vectors OUT (FILE.tsv:COLUMN | FILE.txt)...
 */

#include "modules/classifier-linear/text.h"
#include "modules/classifier-linear/vectors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIMS = VECTORS_DIMS,
	BASIS = DIMS + 28, /* a few more than wanted make the subspace settle sooner */
	ROUNDS = 12,
	WINDOW = 8,
	COUNT_MIN = 2,
	TOKENS_MAX = 4000000,
	WORDS_MAX = 200000,
	LINE_MAX_BYTES = 16384
};
static const double smoothing = 0.75; /* of context counts */

struct word {
	uint64_t hash;
	uint32_t count;
};
static struct {
	uint64_t *tokens; /* hashes; 0 ends an utterance */
	size_t n_tokens;
	struct word *words; /* by hash */
	size_t n_words;
	double total;
} corpus;

static void fail(const char *why)
{
	fprintf(stderr, "make_vectors: %s\n", why);
	exit(1);
}

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		fail("no memory");
	return p;
}

/* --- texts --- */

static void add_text(const char *text, size_t n)
{
	char normal[TEXT_BYTES_MAX];
	const char *word;
	size_t at = 0, w;

	n = text_normalise(text, n, normal, sizeof(normal));
	while ((w = text_word(normal, n, &at, &word)) > 0) {
		if (corpus.n_tokens + 2 >= TOKENS_MAX)
			fail("too much text");
		corpus.tokens[corpus.n_tokens++] = text_hash(word, w, 1);
	}
	corpus.tokens[corpus.n_tokens++] = 0;
}

static void add_file(char *name)
{
	char line[LINE_MAX_BYTES];
	char *colon = strrchr(name, ':');
	unsigned long column = colon ? strtoul(colon + 1, NULL, 10) : 0;
	bool is_head = colon != NULL;

	if (colon)
		*colon = '\0';
	FILE *file = fopen(name, "r");
	if (!file)
		fail(name);
	while (fgets(line, sizeof(line), file)) {
		char *at = line;

		for (unsigned long c = 0; c < column && at; c++) {
			at = strchr(at, '\t');
			at = at ? at + 1 : NULL;
		}
		if (at && !is_head)
			add_text(at, strcspn(at, "\t\r\n"));
		is_head = false;
	}
	fclose(file);
}

static int by_hash(const void *left, const void *right)
{
	uint64_t l = *(const uint64_t *)left, r = *(const uint64_t *)right;

	return (l > r) - (l < r);
}

static void count_words(void)
{
	uint64_t *sorted = zeros(corpus.n_tokens, sizeof(*sorted));

	memcpy(sorted, corpus.tokens, corpus.n_tokens * sizeof(*sorted));
	qsort(sorted, corpus.n_tokens, sizeof(*sorted), by_hash);
	for (size_t i = 0, end; i < corpus.n_tokens; i = end) {
		for (end = i; end < corpus.n_tokens && sorted[end] == sorted[i];)
			end++;
		if (sorted[i] == 0)
			continue;
		corpus.total += (double)(end - i);
		if (end - i < COUNT_MIN || corpus.n_words == WORDS_MAX)
			continue;
		corpus.words[corpus.n_words++] = (struct word){ sorted[i], (uint32_t)(end - i) };
	}
	free(sorted);
}

static int64_t word_index(uint64_t hash)
{
	const struct word *found =
		bsearch(&hash, corpus.words, corpus.n_words, sizeof(*corpus.words), by_hash);

	return found ? found - corpus.words : -1;
}

/* --- which words stand near which --- */

struct cell {
	uint32_t row, column;
	float value;
};
static struct cell *cells;
static size_t n_cells, cap_cells;

static void add_cell(uint32_t row, uint32_t column, float value)
{
	if (n_cells == cap_cells) {
		cap_cells = 2 * cap_cells + (1U << 20);
		cells = realloc(cells, cap_cells * sizeof(*cells));
		if (!cells)
			fail("no memory");
	}
	cells[n_cells++] = (struct cell){ row, column, value };
}

static int by_place(const void *left, const void *right)
{
	const struct cell *l = left, *r = right;

	return l->row != r->row ? (l->row > r->row) - (l->row < r->row)
				: (l->column > r->column) - (l->column < r->column);
}

/* Neighbours count by their distance, as in word2vec's shrinking windows. */
static void count_pairs(void)
{
	int64_t *at = zeros(corpus.n_tokens, sizeof(*at));

	for (size_t i = 0; i < corpus.n_tokens; i++)
		at[i] = corpus.tokens[i] ? word_index(corpus.tokens[i]) : -2;
	for (size_t i = 0; i < corpus.n_tokens; i++) {
		for (size_t k = 1; k <= WINDOW && at[i] >= 0 && i + k < corpus.n_tokens; k++) {
			if (at[i + k] == -2)
				break;
			if (at[i + k] < 0)
				continue;
			float value = (float)(WINDOW + 1 - k) / WINDOW;
			add_cell((uint32_t)at[i], (uint32_t)at[i + k], value);
			add_cell((uint32_t)at[i + k], (uint32_t)at[i], value);
		}
	}
	free(at);
	qsort(cells, n_cells, sizeof(*cells), by_place);
	size_t o = 0;
	for (size_t i = 0; i < n_cells; i++) {
		if (o > 0 && by_place(&cells[o - 1], &cells[i]) == 0)
			cells[o - 1].value += cells[i].value;
		else
			cells[o++] = cells[i];
	}
	n_cells = o;
}

/* Positive pointwise mutual information in place of counts. */
static void weigh_pairs(void)
{
	double *rows = zeros(corpus.n_words, sizeof(*rows)), all = 0, smooth_all = 0;
	size_t o = 0;

	for (size_t i = 0; i < n_cells; i++) {
		rows[cells[i].row] += (double)cells[i].value;
		all += (double)cells[i].value;
	}
	for (size_t i = 0; i < corpus.n_words; i++)
		smooth_all += pow(rows[i], smoothing);
	for (size_t i = 0; i < n_cells; i++) {
		/* The mean of both directions keeps the matrix symmetric. */
		double a = rows[cells[i].row], b = rows[cells[i].column];
		double joint = (double)cells[i].value / all;
		double one = joint / (a / all * pow(b, smoothing) / smooth_all);
		double two = joint / (b / all * pow(a, smoothing) / smooth_all);
		double pmi = 0.5 * (log(one) + log(two));

		if (pmi > 0)
			cells[o++] = (struct cell){ cells[i].row, cells[i].column, (float)pmi };
	}
	n_cells = o;
	free(rows);
}

/* --- the subspace that says most --- */

static double *basis; /* [n_words][BASIS] */

static double *multiplied(void)
{
	double *out = zeros(corpus.n_words * BASIS, sizeof(*out));

	for (size_t i = 0; i < n_cells; i++) {
		const double *from = basis + (size_t)cells[i].column * BASIS;
		double *to = out + (size_t)cells[i].row * BASIS, v = (double)cells[i].value;

		for (unsigned d = 0; d < BASIS; d++)
			to[d] += v * from[d];
	}
	return out;
}

/* Gram-Schmidt, twice for good measure. */
static void make_orthonormal(double *m)
{
	size_t n = corpus.n_words;

	for (unsigned d = 0; d < BASIS; d++) {
		for (unsigned again = 0; again < 2; again++) {
			double dots[BASIS] = { 0 };

			for (size_t i = 0; i < n; i++)
				for (unsigned e = 0; e < d; e++)
					dots[e] += m[i * BASIS + e] * m[i * BASIS + d];
			for (size_t i = 0; i < n; i++)
				for (unsigned e = 0; e < d; e++)
					m[i * BASIS + d] -= dots[e] * m[i * BASIS + e];
		}
		double square = 0;
		for (size_t i = 0; i < n; i++)
			square += m[i * BASIS + d] * m[i * BASIS + d];
		for (size_t i = 0; i < n; i++)
			m[i * BASIS + d] /= sqrt(square) + 1e-30;
	}
}

static double small[BASIS][BASIS], turned[BASIS][BASIS];

/* One rotation of Jacobi's method: small[p][q] becomes 0. */
static void rotate(unsigned p, unsigned q)
{
	if (fabs(small[p][q]) < 1e-12)
		return;
	double theta = (small[q][q] - small[p][p]) / (2 * small[p][q]);
	double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
	double c = 1 / sqrt(t * t + 1), s = t * c;

	for (unsigned k = 0; k < BASIS; k++) {
		double a = small[k][p], b = small[k][q];
		small[k][p] = c * a - s * b;
		small[k][q] = s * a + c * b;
	}
	for (unsigned k = 0; k < BASIS; k++) {
		double a = small[p][k], b = small[q][k];
		small[p][k] = c * a - s * b;
		small[q][k] = s * a + c * b;
		a = turned[k][p], b = turned[k][q];
		turned[k][p] = c * a - s * b;
		turned[k][q] = s * a + c * b;
	}
}

static void solve_small(void)
{
	double *image = multiplied();

	for (unsigned p = 0; p < BASIS; p++) {
		for (unsigned q = 0; q < BASIS; q++) {
			small[p][q] = 0;
			turned[p][q] = p == q;
		}
	}
	for (size_t i = 0; i < corpus.n_words; i++)
		for (unsigned p = 0; p < BASIS; p++)
			for (unsigned q = 0; q < BASIS; q++)
				small[p][q] += basis[i * BASIS + p] * image[i * BASIS + q];
	free(image);
	for (unsigned sweep = 0; sweep < 30; sweep++)
		for (unsigned p = 0; p + 1 < BASIS; p++)
			for (unsigned q = p + 1; q < BASIS; q++)
				rotate(p, q);
}

static void find_basis(void)
{
	uint64_t random = 20190101;

	basis = zeros(corpus.n_words * BASIS, sizeof(*basis));
	for (size_t i = 0; i < corpus.n_words * BASIS; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		basis[i] = (double)(random >> 33) / (double)(UINT64_C(1) << 30) - 1;
	}
	make_orthonormal(basis);
	for (unsigned round = 0; round < ROUNDS; round++) {
		double *next = multiplied();

		free(basis);
		basis = next;
		make_orthonormal(basis);
	}
	solve_small();
}

/* --- the file --- */

static int by_strength(const void *left, const void *right)
{
	double l = fabs(small[*(const unsigned *)left][*(const unsigned *)left]);
	double r = fabs(small[*(const unsigned *)right][*(const unsigned *)right]);

	return (l < r) - (l > r);
}

static void write_word(FILE *file, size_t i, const unsigned order[BASIS])
{
	double v[DIMS], largest = 0;
	struct vectors_entry entry = { .hash = corpus.words[i].hash };

	for (unsigned d = 0; d < DIMS; d++) {
		unsigned column = order[d];

		v[d] = 0;
		for (unsigned e = 0; e < BASIS; e++)
			v[d] += basis[i * BASIS + e] * turned[e][column];
		v[d] *= pow(fabs(small[column][column]), 0.5);
		largest = fabs(v[d]) > largest ? fabs(v[d]) : largest;
	}
	double p = corpus.words[i].count / corpus.total;
	for (unsigned d = 0; d < DIMS; d++)
		entry.v[d] = (int8_t)lrint(largest > 0 ? 127 * v[d] / largest : 0);
	entry.scale = (float)(largest / 127 * (1e-3 / (1e-3 + p)));
	if (fwrite(&entry, sizeof(entry), 1, file) != 1)
		fail("cannot write");
}

int main(int argc, char **argv)
{
	unsigned order[BASIS];

	if (argc < 3)
		fail("usage: make_vectors OUT FILE.tsv:COLUMN...");
	corpus.tokens = zeros(TOKENS_MAX, sizeof(*corpus.tokens));
	corpus.words = zeros(WORDS_MAX, sizeof(*corpus.words));
	for (int i = 2; i < argc; i++)
		add_file(argv[i]);
	count_words();
	count_pairs();
	weigh_pairs();
	find_basis();
	for (unsigned d = 0; d < BASIS; d++)
		order[d] = d;
	qsort(order, BASIS, sizeof(order[0]), by_strength);
	FILE *file = fopen(argv[1], "wb");
	const struct vectors_head head = { VECTORS_MAGIC, (uint32_t)corpus.n_words, DIMS, 0 };
	if (!file || fwrite(&head, sizeof(head), 1, file) != 1)
		fail("cannot write");
	for (size_t i = 0; i < corpus.n_words; i++)
		write_word(file, i, order);
	if (fclose(file) != 0)
		fail("cannot write");
	printf("%zu words of %.0f, %zu pairs\n", corpus.n_words, corpus.total, n_cells);
	return 0;
}
