/* SPDX-License-Identifier: Apache-2.0 */

/* Patterns as a small machine (Thompson's): the program of all ways through the pattern, and a
 * walk over the text that follows them all at once. Steps <= characters * BATON_EXPR_REGEX_MAX: no
 * pattern can make it slow, which is why it is here and not a backtracking library.
 *
 * The parser calls itself for what stands in parentheses, at most NEST_MAX deep. A part of a
 * program is one run of instructions with relative jumps, so it can be moved and written twice.
 */

#include "core/policy/expr_regex.h"

#include "core/base/limits.h"

enum { NEST_MAX = 16, REPEATS_MAX = 100, CODE_POINT_MAX = 0x10ffff };

enum step_code {
	STEP_CLASS, /* one character of `ranges`, and on */
	STEP_SPLIT, /* on at both +a and +b */
	STEP_JUMP,  /* on at +a */
	STEP_BEGIN, /* the rest: on if it holds here, takes no character */
	STEP_END,
	STEP_BORDER,
	STEP_NO_BORDER
};

struct step {
	enum step_code code;
	int a, b; /* CLASS: first range and how many */
	bool negated;
};
struct range {
	uint32_t from, to;
};

struct expr_regex {
	struct step steps[BATON_EXPR_REGEX_MAX];
	size_t n; /* behind the last step: the pattern has matched */
	struct range ranges[BATON_EXPR_REGEX_MAX];
	size_t n_ranges;
};

struct reader {
	baton_str text;
	size_t at;
	unsigned nest;
	struct expr_regex *regex;
	const char *why;     /* the first error */
	struct step nowhere; /* what is written after it */
};

/* The character at *at, which is moved; -1 at the end. The text is UTF-8, or *at moves a byte on
 * and the answer is a character that no pattern names. */
static int64_t decode(baton_str text, size_t *at)
{
	unsigned char lead = *at < text.n ? (unsigned char)text.p[*at] : 0;
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? lead : lead & (0x7fu >> n);

	if (*at >= text.n)
		return -1;
	if (*at + n > text.n || (lead >= 0x80 && lead < 0xc0)) {
		(*at)++;
		return 0xfffd;
	}
	for (size_t i = 1; i < n; i++)
		c = (c << 6) | ((unsigned char)text.p[*at + i] & 0x3f);
	*at += n;
	return c;
}

static void fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
}

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool ahead(const struct reader *r, const char *sign)
{
	size_t n = strlen(sign);

	return r->at + n <= r->text.n && memcmp(r->text.p + r->at, sign, n) == 0;
}

static struct step *add_step(struct reader *r, enum step_code code)
{
	if (r->regex->n >= BATON_EXPR_REGEX_MAX) {
		fail(r, "this pattern is too long, repetitions written out");
		return &r->nowhere;
	}
	struct step *step = &r->regex->steps[r->regex->n++];
	*step = (struct step){ .code = code };
	return step;
}

static void add_range(struct reader *r, uint32_t from, uint32_t to)
{
	if (r->regex->n_ranges >= BATON_EXPR_REGEX_MAX) {
		fail(r, "this pattern names too many characters");
		return;
	}
	r->regex->ranges[r->regex->n_ranges++] = (struct range){ from, to };
}

/* Makes room for one step before `at`. */
static void insert_step(struct reader *r, size_t at, struct step step)
{
	size_t n = r->regex->n;

	(void)add_step(r, step.code);
	if (r->why)
		return;
	memmove(&r->regex->steps[at + 1], &r->regex->steps[at], (n - at) * sizeof(step));
	r->regex->steps[at] = step;
}

/* --- characters --- */

/* \d \w \s, and their opposites as what lies between. False if `c` is none of them. */
static bool add_named(struct reader *r, char c)
{
	static const struct range digit[] = { { '0', '9' } };
	static const struct range word[] = {
		{ '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' }
	};
	static const struct range space[] = { { '\t', '\n' }, { '\f', '\r' }, { ' ', ' ' } };
	const struct range *set = (c | 0x20) == 'd' ? digit : (c | 0x20) == 'w' ? word : space;
	size_t n = set == digit ? 1 : set == word ? 4 : 3;
	uint32_t from = 0;

	if (!c || !strchr("dDwWsS", c))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (c & 0x20)
			add_range(r, set[i].from, set[i].to);
		else
			add_range(r, from, set[i].from - 1);
		from = set[i].to + 1;
	}
	if (!(c & 0x20))
		add_range(r, from, CODE_POINT_MAX);
	return true;
}

static uint32_t hex_escape(struct reader *r)
{
	uint32_t value = 0;

	for (size_t i = 0; i < 2; i++) {
		char c = peek(r);
		const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

		if (!at || (c < '0' || (c > '9' && c < 'A')))
			fail(r, "`\\x` needs two hexadecimal digits");
		value = value * 16 + (at ? (uint32_t)(at - digits) : 0);
		r->at++;
	}
	return value;
}

/* The character of an escape, r->at behind the backslash. */
static uint32_t escaped(struct reader *r)
{
	static const char from[] = "nrtf", to[] = "\n\r\t\f";
	char c = peek(r);
	const char *letter = c ? strchr(from, c) : NULL;

	r->at++;
	if (letter)
		return (uint32_t)to[letter - from];
	if (c == 'x')
		return hex_escape(r);
	if (!c || !strchr("\\.+*?()|[]{}^$/-", c))
		fail(r, "patterns know no such escape");
	return (uint32_t)(unsigned char)c;
}

static uint32_t one_of_class(struct reader *r)
{
	if (peek(r) == '\\') {
		r->at++;
		return escaped(r);
	}
	return (uint32_t)decode(r->text, &r->at);
}

static void class_item(struct reader *r)
{
	uint32_t from, to;

	if (ahead(r, "[:"))
		fail(r, "named classes are not part of this language: write \\d, \\w or \\s");
	if (peek(r) == '\\' && r->at + 1 < r->text.n) {
		r->at++;
		if (add_named(r, peek(r))) {
			r->at++;
			if (peek(r) == '-' && !ahead(r, "-]"))
				fail(r, "a range in [ ] must go up");
			return;
		}
		r->at--;
	}
	from = to = one_of_class(r);
	if (peek(r) == '-' && r->at + 1 < r->text.n && r->text.p[r->at + 1] != ']') {
		r->at++;
		if (peek(r) == '\\' && r->at + 1 < r->text.n &&
		    strchr("dDwWsS", r->text.p[r->at + 1]))
			fail(r, "a range in [ ] must go up");
		to = one_of_class(r);
	}
	if (to < from)
		fail(r, "a range in [ ] must go up");
	add_range(r, from, to);
}

static void class_of(struct reader *r)
{
	struct step *step = add_step(r, STEP_CLASS);

	step->a = (int)r->regex->n_ranges;
	r->at++;
	if (peek(r) == '^') {
		step->negated = true;
		r->at++;
	}
	if (peek(r) == ']')
		fail(r, "[ ] names no character");
	while (!r->why && peek(r) != ']') {
		if (r->at >= r->text.n)
			fail(r, "`[` has no `]`");
		else
			class_item(r);
	}
	r->at++;
	step->b = (int)r->regex->n_ranges - step->a;
}

static void single(struct reader *r)
{
	struct step *step = add_step(r, STEP_CLASS);
	char c = peek(r);

	step->a = (int)r->regex->n_ranges;
	if (c == '.') {
		step->negated = true;
		add_range(r, '\n', '\n');
		r->at++;
	} else if (c == '\\') {
		r->at++;
		if (add_named(r, peek(r))) {
			r->at++;
		} else {
			uint32_t code = escaped(r);
			add_range(r, code, code);
		}
	} else {
		uint32_t code = (uint32_t)decode(r->text, &r->at);
		add_range(r, code, code);
	}
	step->b = (int)r->regex->n_ranges - step->a;
}

/* --- parts --- */

static void alternatives(struct reader *r);

static void group(struct reader *r)
{
	r->at++;
	if (ahead(r, "?:"))
		r->at += 2;
	else if (peek(r) == '?')
		fail(r, "of the groups with `(?` only (?: ) is part of this language");
	if (++r->nest > NEST_MAX)
		fail(r, "this pattern is nested too deep");
	if (!r->why)
		alternatives(r);
	r->nest--;
	if (peek(r) != ')')
		fail(r, "`(` has no `)`");
	r->at++;
}

/* True if it was a place between characters, which cannot be repeated. */
static bool place(struct reader *r)
{
	if (peek(r) == '^')
		(void)add_step(r, STEP_BEGIN);
	else if (peek(r) == '$')
		(void)add_step(r, STEP_END);
	else if (ahead(r, "\\b"))
		(void)add_step(r, STEP_BORDER);
	else if (ahead(r, "\\B"))
		(void)add_step(r, STEP_NO_BORDER);
	else
		return false;
	r->at += peek(r) == '\\' ? 2 : 1;
	return true;
}

static unsigned count_of(struct reader *r)
{
	unsigned n = 0;

	if (peek(r) < '0' || peek(r) > '9')
		fail(r, "for the character `{` write `\\{`");
	for (; peek(r) >= '0' && peek(r) <= '9'; r->at++)
		n = n > REPEATS_MAX ? n : n * 10 + (unsigned)(peek(r) - '0');
	if (n > REPEATS_MAX)
		fail(r, "a pattern repeats at most 100 times");
	return n;
}

/* `{2}`, `{2,}`, `{2,5}`, `*`, `+`, `?`; *max is UINT_MAX for no end. False: nothing of that. */
static bool counts(struct reader *r, unsigned *min, unsigned *max)
{
	char c = peek(r);

	if (c != '*' && c != '+' && c != '?' && c != '{')
		return false;
	r->at++;
	*min = c == '+' ? 1 : 0;
	*max = c == '?' ? 1 : UINT32_MAX;
	if (c == '{') {
		*min = *max = count_of(r);
		if (peek(r) == ',') {
			r->at++;
			*max = peek(r) == '}' ? UINT32_MAX : count_of(r);
		}
		if (peek(r) != '}')
			fail(r, "for the character `{` write `\\{`");
		r->at++;
		if (*max < *min)
			fail(r, "the counts in { } must go up");
	}
	if (peek(r) == '?') /* as few as possible: whether it matches is the same */
		r->at++;
	if (peek(r) == '*' || peek(r) == '+' || peek(r) == '?' || peek(r) == '{')
		fail(r, "two repetitions in a row");
	return true;
}

/* Adds `part` steps that stand at `from` once more. */
static void again(struct reader *r, size_t from, size_t part)
{
	for (size_t i = 0; i < part && !r->why; i++) {
		struct step copy = r->regex->steps[from + i];
		struct step *step = add_step(r, copy.code);

		*step = copy;
	}
}

/* The steps from `from` on, repeated. */
static void repeat(struct reader *r, size_t from, unsigned min, unsigned max)
{
	size_t part = r->regex->n - from;
	unsigned n = max == UINT32_MAX ? (min > 0 ? min : 1) : max;

	if (max == 0) {
		r->regex->n = from;
		return;
	}
	for (unsigned i = 1; i < n && !r->why; i++) {
		if (i >= min) /* one that may be left away: over it, or in */
			*add_step(r, STEP_SPLIT) =
				(struct step){ .code = STEP_SPLIT, .a = 1, .b = (int)part + 1 };
		again(r, from, part);
	}
	if (max == UINT32_MAX) { /* back to the last, or on */
		struct step *step = add_step(r, STEP_SPLIT);
		*step = (struct step){ .code = STEP_SPLIT, .a = -(int)part, .b = 1 };
	}
	if (min == 0) {
		size_t first = max == UINT32_MAX ? part + 1 : part;
		insert_step(r, from,
			    (struct step){ .code = STEP_SPLIT, .a = 1, .b = (int)first + 1 });
	}
}

static void piece(struct reader *r)
{
	size_t from = r->regex->n;
	unsigned min, max;
	char c = peek(r);
	bool is_place = place(r);

	if (c == '*' || c == '+' || c == '?' || c == '{')
		fail(r, "there is nothing here to repeat");
	else if (c == '(')
		group(r);
	else if (c == '[')
		class_of(r);
	else if (!is_place)
		single(r);
	if (!r->why && counts(r, &min, &max)) {
		if (is_place)
			fail(r, "there is nothing here to repeat");
		repeat(r, from, min, max);
	}
}

static void alternatives(struct reader *r)
{
	size_t jumps[BATON_EXPR_REGEX_MAX]; /* each takes two steps: there is room */
	size_t from = r->regex->n, n = 0;

	while (!r->why) {
		while (!r->why && r->at < r->text.n && peek(r) != '|' && peek(r) != ')')
			piece(r);
		if (r->why || peek(r) != '|' || r->at >= r->text.n)
			break;
		r->at++;
		/* This way, or the next, which begins behind a jump to the end. */
		insert_step(r, from, (struct step){ .code = STEP_SPLIT, .a = 1 });
		jumps[n++] = r->regex->n;
		(void)add_step(r, STEP_JUMP);
		r->regex->steps[from].b = (int)(r->regex->n - from);
		from = r->regex->n;
	}
	for (size_t i = 0; i < n && !r->why; i++)
		r->regex->steps[jumps[i]].a = (int)(r->regex->n - jumps[i]);
}

const struct expr_regex *expr_regex_compile(baton_str pattern, struct baton_arena *arena,
					    const char **ret_why)
{
	struct reader r = { .text = pattern };

	r.regex = baton_arena_alloc(arena, sizeof(*r.regex));
	alternatives(&r);
	if (!r.why && r.at < pattern.n)
		fail(&r, "`)` has no `(`");
	if (!r.why)
		return r.regex;
	*ret_why = r.why;
	return NULL;
}

/* --- matching --- */

/* The steps that wait for the next character, each once. */
struct front {
	uint16_t steps[BATON_EXPR_REGEX_MAX];
	size_t n;
};

struct walk {
	const struct expr_regex *regex;
	bool border, begin, end;                  /* of the place between two characters */
	uint32_t marks[BATON_EXPR_REGEX_MAX + 1]; /* in which place a step was reached last */
	uint32_t mark;
	bool matched;
};

static bool is_word(int64_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (c >= 'a' && c <= 'z');
}

static bool holds(const struct walk *w, enum step_code code)
{
	if (code == STEP_BEGIN)
		return w->begin;
	if (code == STEP_END)
		return w->end;
	return w->border == (code == STEP_BORDER);
}

/* Everything that can be reached from `first` without a character. */
static void follow(struct walk *w, size_t first, struct front *front)
{
	size_t todo[BATON_EXPR_REGEX_MAX + 1], n = 0;

	todo[n++] = first;
	while (n > 0) {
		size_t at = todo[--n];
		const struct step *s = &w->regex->steps[at];

		/* Marked when put on the list: each step is there once at most, so it has room. */
		if (at == w->regex->n) {
			w->matched = true;
			continue;
		}
		if (s->code == STEP_CLASS)
			front->steps[front->n++] = (uint16_t)at;
		for (int way = 0; way < 2 && s->code != STEP_CLASS; way++) {
			size_t to = at + 1;

			if (s->code == STEP_SPLIT || s->code == STEP_JUMP)
				to = (size_t)((int)at + (way == 0 ? s->a : s->b));
			if ((way == 1 && s->code != STEP_SPLIT) ||
			    (s->code >= STEP_BEGIN && !holds(w, s->code)) ||
			    w->marks[to] == w->mark)
				continue;
			w->marks[to] = w->mark;
			todo[n++] = to;
		}
	}
}

static bool takes(const struct expr_regex *regex, const struct step *step, int64_t c)
{
	for (int i = step->a; i < step->a + step->b; i++)
		if (c >= regex->ranges[i].from && c <= regex->ranges[i].to)
			return !step->negated;
	return step->negated;
}

bool expr_regex_test(const struct expr_regex *regex, baton_str text)
{
	struct walk w = { .regex = regex };
	struct front now = { .n = 0 }, then;
	size_t at = 0;
	int64_t before = -1;

	for (;;) {
		size_t behind = at;
		int64_t c = decode(text, &behind);

		/* `now` still waits for the character before this place. */
		w.begin = at == 0;
		w.end = at >= text.n;
		w.border = is_word(before) != is_word(c);
		w.mark++;
		then.n = 0;
		for (size_t i = 0; i < now.n; i++) {
			size_t to = now.steps[i] + 1u;

			if (!takes(regex, &regex->steps[now.steps[i]], before) ||
			    w.marks[to] == w.mark)
				continue;
			w.marks[to] = w.mark;
			follow(&w, to, &then);
		}
		if (w.marks[0] != w.mark) { /* a match may begin anywhere */
			w.marks[0] = w.mark;
			follow(&w, 0, &then);
		}
		if (w.matched || w.end)
			return w.matched;
		now = then;
		before = c;
		at = behind;
	}
}
