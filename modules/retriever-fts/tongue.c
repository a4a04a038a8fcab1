/* SPDX-License-Identifier: Apache-2.0 */

/* unicode61 finds the words; Snowball takes their endings off. Stemmers know accents, customers
 * leave them away: so a word is there twice, stemmed as it is written and stemmed without its
 * accents, at one place. A question's word is tried in each language of the library, also at one
 * place: FTS5 takes whichever it finds. */

#include "tongue.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { WORD_MAX = 128, FORMS_MAX = 16, LATIN_END = 0x0530 };

static const struct {
	char tag[4];
	const char *algorithm;
} known[] = {
	{ "en", "english" },    { "de", "german" },     { "fr", "french" },
	{ "es", "spanish" },    { "it", "italian" },    { "nl", "dutch" },
	{ "pt", "portuguese" }, { "sv", "swedish" },    { "da", "danish" },
	{ "no", "norwegian" },  { "nb", "norwegian" },  { "nn", "norwegian" },
	{ "fi", "finnish" },    { "hu", "hungarian" },  { "ro", "romanian" },
	{ "ru", "russian" },    { "tr", "turkish" },    { "ca", "catalan" },
	{ "el", "greek" },      { "lt", "lithuanian" }, { "id", "indonesian" },
	{ "eu", "basque" },     { "ga", "irish" },      { "hy", "armenian" },
};
enum { KNOWN_N = sizeof(known) / sizeof(known[0]) };
_Static_assert((int)KNOWN_N <= (int)TONGUES_MAX, "a bit for each");
enum { GERMAN = 1 };

void tongue_primary(const char *tag, size_t n, char *to, size_t cap)
{
	size_t i = 0;

	for (; i < n && i + 1 < cap; i++) {
		char c = (char)(tag[i] | 32);

		if (c < 'a' || c > 'z')
			break;
		to[i] = c;
	}
	if (i < 2 || (i < n && tag[i] != '-' && tag[i] != '_'))
		i = 0;
	to[i] = 0;
}

int tongue_of(const char *tag, size_t n)
{
	char primary[9];

	tongue_primary(tag, n, primary, sizeof(primary));
	for (int i = 0; i < (int)KNOWN_N; i++)
		if (strcmp(known[i].tag, primary) == 0)
			return i;
	return TONGUE_NONE;
}

struct tongues {
	struct sb_stemmer *stemmers[TONGUES_MAX];
	uint32_t used;
	int writing;
	fts5_tokenizer words; /* unicode61 */
	void *words_context;
	Fts5Tokenizer *asked; /* of tongues_rows() */
	struct tongues_counts *counts;
	uint32_t row;
	bool no_memory;
};

/* --- in how many rows a word is --- */

/* Open addressing by a hash of the stem; two stems of one hash count as one, which only makes a
 * word look commoner than it is. */
struct tongues_counts {
	struct count {
		uint32_t hash, rows, last; /* last: row + 1 that was counted last; 0: free */
	} * v;
	uint32_t n, cap;
};
enum { COUNTS_FIRST = 4096 };

static uint32_t stem_hash(const char *p, int n)
{
	uint32_t h = 2166136261U;

	for (int i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619U;
	return h;
}

static struct count *count_of(const struct tongues_counts *c, uint32_t hash)
{
	uint32_t at = hash & (c->cap - 1);

	while (c->v[at].last != 0 && c->v[at].hash != hash)
		at = (at + 1) & (c->cap - 1);
	return &c->v[at];
}

static int counts_grow(struct tongues_counts *c)
{
	struct tongues_counts more = { .cap = c->cap ? 2 * c->cap : COUNTS_FIRST, .n = c->n };

	more.v = calloc(more.cap, sizeof(*more.v));
	if (!more.v)
		return -1;
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->v[i].last != 0)
			*count_of(&more, c->v[i].hash) = c->v[i];
	free(c->v);
	*c = more;
	return 0;
}

static void count_stem(struct tongues *t, const char *p, int n)
{
	struct tongues_counts *c = t->counts;
	uint32_t hash = stem_hash(p, n);

	if (c->n * 2 >= c->cap && counts_grow(c) < 0) {
		t->no_memory = true;
		return;
	}
	struct count *count = count_of(c, hash);

	c->n += count->last == 0;
	count->hash = hash;
	count->rows += count->last != t->row + 1;
	count->last = t->row + 1;
}

int tongues_count(struct tongues *tongues, uint32_t row)
{
	if (!tongues->counts)
		tongues->counts = calloc(1, sizeof(*tongues->counts));
	tongues->row = row;
	return tongues->counts && !tongues->no_memory ? 0 : -1;
}

struct tongues_counts *tongues_take_counts(struct tongues *tongues)
{
	struct tongues_counts *counts = tongues->counts;

	tongues->counts = NULL;
	return counts;
}

void tongues_counts_free(struct tongues_counts **counts)
{
	if (*counts)
		free((*counts)->v);
	free(*counts);
	*counts = NULL;
}

/* --- the forms of one word --- */

struct form {
	char p[WORD_MAX];
	int n;
};
struct forms {
	struct form v[FORMS_MAX];
	unsigned n;
	bool asks; /* a question's word, not an article's */
};

static void form_add(struct forms *forms, const char *p, int n)
{
	if (n <= 0 || n > WORD_MAX || forms->n == FORMS_MAX)
		return;
	for (unsigned i = 0; i < forms->n; i++)
		if (forms->v[i].n == n && memcmp(forms->v[i].p, p, (size_t)n) == 0)
			return;
	memcpy(forms->v[forms->n].p, p, (size_t)n);
	forms->v[forms->n++].n = n;
}

/* Latin, Greek and Cyrillic letters without their marks; what else there is stays. Returns the
 * bytes written, 0 if it does not fit. */
static int plain(const char *word, int n, char to[WORD_MAX])
{
	int o = 0;

	for (int i = 0, len; i < n; i += len) {
		utf8proc_int32_t c, parts[4];
		int boundary = 0;

		len = (int)utf8proc_iterate((const utf8proc_uint8_t *)word + i, n - i, &c);
		if (len <= 0)
			return 0;
		parts[0] = c;
		utf8proc_ssize_t m =
			c < 0x80 || c >= LATIN_END
				? 1
				: utf8proc_decompose_char(c, parts, 4,
							  UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK |
								  UTF8PROC_CASEFOLD,
							  &boundary);
		for (utf8proc_ssize_t k = 0; k < m && k < 4; k++) {
			if (o + 4 > WORD_MAX)
				return 0;
			o += (int)utf8proc_encode_char(parts[k], (utf8proc_uint8_t *)to + o);
		}
	}
	return o;
}

static bool is_ascii(const char *word, int n)
{
	for (int i = 0; i < n; i++)
		if ((unsigned char)word[i] >= 0x80)
			return false;
	return true;
}

/* Stemmed, then without accents: that is how all of them stand in the index. */
static void form_stemmed(const struct tongues *t, int tongue, const char *word, int n,
			 struct forms *forms)
{
	struct sb_stemmer *stemmer = tongue == TONGUE_NONE ? NULL : t->stemmers[tongue];
	const char *stem = word;
	char bare[WORD_MAX];

	if (stemmer) {
		stem = (const char *)sb_stemmer_stem(stemmer, (const sb_symbol *)word, n);
		n = stem ? sb_stemmer_length(stemmer) : 0;
	}
	if (is_ascii(stem, n))
		form_add(forms, stem, n);
	else
		form_add(forms, bare, plain(stem, n, bare));
}

/* "groesse" for "größe", as people type without the keys for it. */
static int umlauts(const char *word, int n, char to[WORD_MAX])
{
	int o = 0;

	for (int i = 0; i < n && o + 2 <= WORD_MAX; i++) {
		bool is_pair =
			i + 1 < n && word[i + 1] == 'e' && word[i] != 0 && strchr("aou", word[i]);

		if (is_pair) {
			to[o++] = (char)0xc3;
			to[o++] = (char)(word[i] == 'a' ? 0xa4 : word[i] == 'o' ? 0xb6 : 0xbc);
			i++;
		} else {
			to[o++] = word[i];
		}
	}
	return o < n ? 0 : o; /* a pair of two bytes became two bytes */
}

static void forms_in(const struct tongues *t, int tongue, const char *word, int n,
		     struct forms *forms)
{
	char other[WORD_MAX];

	form_stemmed(t, tongue, word, n, forms);
	if (!is_ascii(word, n)) {
		int m = plain(word, n, other);

		if (m > 0)
			form_stemmed(t, tongue, other, m, forms);
	} else if (tongue == GERMAN && forms->asks) {
		int m = umlauts(word, n, other);

		if (m > 0 && !is_ascii(other, m))
			form_stemmed(t, tongue, other, m, forms);
	}
}

/* --- the tokenizer --- */

static const char *keep_accents[] = { "remove_diacritics", "0" };

struct tokenizer {
	struct tongues *tongues;
	Fts5Tokenizer *words;
};
/* What one call of ours hands to unicode61. */
struct passing {
	struct tongues *tongues;
	void *user;
	int (*token)(void *user, int flags, const char *p, int n, int begin, int end);
	bool asks;
};

/* What is too long to be a word of anything but nonsense is cut, at a character. */
static int cut_at(const char *p, int n)
{
	if (n <= WORD_MAX / 2)
		return n;
	n = WORD_MAX / 2;
	while (n > 1 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int pass(void *user, int flags, const char *p, int n, int begin, int end)
{
	const struct passing *passing = user;
	const struct tongues *t = passing->tongues;
	struct forms forms = { .asks = passing->asks };
	int rc = SQLITE_OK;

	n = cut_at(p, n);
	for (int i = 0; i < (int)KNOWN_N && passing->asks; i++)
		if ((t->used >> i) & 1)
			forms_in(t, i, p, n, &forms);
	if (!passing->asks || t->used & TONGUES_PLAIN)
		forms_in(t, passing->asks ? TONGUE_NONE : t->writing, p, n, &forms);
	if (forms.n == 0)
		form_add(&forms, p, n);
	for (unsigned i = 0; i < forms.n && !passing->asks && t->counts; i++)
		count_stem(passing->tongues, forms.v[i].p, forms.v[i].n);
	for (unsigned i = 0; i < forms.n && rc == SQLITE_OK; i++)
		rc = passing->token(passing->user, flags | (i ? FTS5_TOKEN_COLOCATED : 0),
				    forms.v[i].p, forms.v[i].n, begin, end);
	return rc;
}

static int tokenizer_run(Fts5Tokenizer *ours, void *user, int flags, const char *text, int n,
			 int (*token)(void *user, int flags, const char *p, int n, int begin,
				      int end))
{
	const struct tokenizer *tokenizer = (const struct tokenizer *)ours;
	struct passing passing = { tokenizer->tongues, user, token,
				   (flags & FTS5_TOKENIZE_QUERY) != 0 };

	return tokenizer->tongues->words.xTokenize(tokenizer->words, &passing, flags, text, n,
						   pass);
}

static int tokenizer_new(void *user, const char **args, int n_args, Fts5Tokenizer **ret)
{
	struct tokenizer *tokenizer = calloc(1, sizeof(*tokenizer));

	(void)args;
	(void)n_args;
	if (!tokenizer)
		return SQLITE_NOMEM;
	tokenizer->tongues = user;
	int rc = tokenizer->tongues->words.xCreate(tokenizer->tongues->words_context, keep_accents,
						   2, &tokenizer->words);
	if (rc != SQLITE_OK) {
		free(tokenizer);
		return rc;
	}
	*ret = (Fts5Tokenizer *)tokenizer;
	return SQLITE_OK;
}

static void tokenizer_free(Fts5Tokenizer *ours)
{
	struct tokenizer *tokenizer = (struct tokenizer *)ours;

	tokenizer->tongues->words.xDelete(tokenizer->words);
	free(tokenizer);
}

/* --- */

struct tongues *tongues_new(uint32_t used)
{
	struct tongues *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->used = used;
	t->writing = TONGUE_NONE;
	for (size_t i = 0; i < KNOWN_N && t; i++) {
		if (!((used >> i) & 1))
			continue;
		t->stemmers[i] = sb_stemmer_new(known[i].algorithm, NULL);
		if (!t->stemmers[i])
			tongues_free(&t);
	}
	return t;
}

void tongues_free(struct tongues **tongues)
{
	struct tongues *t = *tongues;

	for (size_t i = 0; t && i < KNOWN_N; i++)
		if (t->stemmers[i])
			sb_stemmer_delete(t->stemmers[i]);
	if (t && t->asked)
		t->words.xDelete(t->asked);
	if (t)
		tongues_counts_free(&t->counts);
	free(t);
	*tongues = NULL;
}

void tongues_write(struct tongues *tongues, int tongue)
{
	tongues->writing = tongue;
}

/* FTS5 gives its function table away through a bound pointer only. */
fts5_api *tongues_fts5(sqlite3 *db)
{
	fts5_api *api = NULL;
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL);
		sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	return api;
}

int tongues_join(struct tongues *tongues, sqlite3 *db)
{
	fts5_api *api = tongues_fts5(db);
	fts5_tokenizer ours = { tokenizer_new, tokenizer_free, tokenizer_run };

	if (!api || api->xFindTokenizer(api, "unicode61", &tongues->words_context,
					&tongues->words) != SQLITE_OK)
		return -1;
	if (tongues->words.xCreate(tongues->words_context, keep_accents, 2, &tongues->asked) !=
	    SQLITE_OK)
		return -1;
	return api->xCreateTokenizer(api, "tongues", tongues, &ours, NULL) == SQLITE_OK ? 0 : -1;
}

struct adding {
	const struct tongues_counts *counts;
	uint32_t rows;
};

static int add_rows(void *user, int flags, const char *p, int n, int begin, int end)
{
	struct adding *adding = user;

	(void)flags;
	(void)begin;
	(void)end;
	if (adding->counts->cap > 0)
		adding->rows += count_of(adding->counts, stem_hash(p, n))->rows;
	return SQLITE_OK;
}

uint32_t tongues_rows(const struct tongues *tongues, const struct tongues_counts *counts,
		      const char *word, size_t n)
{
	struct tongues copy = *tongues; /* its stemmers are the same; nothing else is written */
	struct adding adding = { counts, 0 };
	struct passing passing = { &copy, &adding, add_rows, true };

	(void)tongues->words.xTokenize(tongues->asked, &passing, FTS5_TOKENIZE_QUERY, word, (int)n,
				       pass);
	return adding.rows;
}
