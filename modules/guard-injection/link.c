/* SPDX-License-Identifier: Apache-2.0 */

/* A walk over the text from one token to the next: a picture, a tag, an address, what nobody
 * sees. Each is looked at as far as TOKEN_MAX reaches, and what is longer counts as one of that
 * length. So what is found does not depend on how much of the answer is there: a token whose end
 * has not come is open, and from there on the answer waits.
 */
#include "modules/guard-injection/link.h"
#include "modules/guard-injection/score.h"
#include "modules/sdk/guard/frame.h"

#include <stdbool.h>
#include <strings.h>

enum { PATH_MAX_ = 120, TOKEN_MAX = 2048, PPM = 1000000 };

static bool starts(const char *p, size_t left, const char *what)
{
	size_t n = strlen(what);

	return left >= n && strncasecmp(p, what, n) == 0;
}

static bool is_ours(const struct links *links, const char *host, size_t n)
{
	for (size_t i = 0; i < links->n_hosts; i++) {
		size_t own = strlen(links->hosts[i]);

		if (n >= own && strncasecmp(host + n - own, links->hosts[i], own) == 0 &&
		    (n == own || host[n - own - 1] == '.'))
			return true;
	}
	return false;
}

struct url {
	bool bad; /* no address for a browser: javascript:, data: */
	bool foreign, carries;
};

/* What the address at [at, end) is. A question mark, a fragment, credentials, or a very long
 * path carry something; a name of a host can, too: a long one counts. */
static struct url look_at(const struct links *links, const char *p, size_t at, size_t end)
{
	struct url url = { false, false, false };
	const char *slashes = memmem(p + at, end - at, "://", 3);

	if (starts(p + at, end - at, "javascript:") || starts(p + at, end - at, "data:") ||
	    starts(p + at, end - at, "vbscript:")) {
		url.bad = true;
		return url;
	}
	if (!slashes && !starts(p + at, end - at, "//"))
		return url; /* within our own page */
	size_t host = slashes ? (size_t)(slashes - p) + 3 : at + 2, stop = host;
	while (stop < end && !strchr("/?#", p[stop]))
		stop++;
	const char *sign = memchr(p + host, '@', stop - host);
	const char *colon;
	if (sign)
		host = (size_t)(sign - p) + 1;
	colon = memchr(p + host, ':', stop - host);
	size_t length = colon ? (size_t)(colon - p) - host : stop - host;
	url.foreign = !is_ours(links, p + host, length);
	url.carries = sign || length > 80 || end - stop > PATH_MAX_ ||
		      memchr(p + stop, '?', end - stop) || memchr(p + stop, '#', end - stop);
	return url;
}

/* --- tokens --- */

struct walk {
	const struct links *links;
	const char *p;
	size_t n;
	bool grows;
};

struct token {
	size_t end;
	uint32_t action; /* 0: nothing is wrong with it */
	const char *type;
};

enum found { NONE, FOUND, OPEN };

/* Where a token that begins at `at` must have ended. */
static size_t reach_of(const struct walk *walk, size_t at)
{
	return walk->n - at > TOKEN_MAX
		       ? frame_character((baton_str){ walk->p, walk->n }, at + TOKEN_MAX)
		       : walk->n;
}

/* Nothing came that ends it. */
static enum found unended(const struct walk *walk, size_t reach)
{
	if (reach < walk->n)
		return FOUND; /* it is too long */
	return walk->grows ? OPEN : NONE;
}

/* The text ends within this word, and may go on to be it. */
static bool may_become(const struct walk *walk, size_t at, const char *word)
{
	size_t left = walk->n - at;

	return walk->grows && left < strlen(word) && strncasecmp(walk->p + at, word, left) == 0;
}

static size_t skip_to(const char *p, size_t from, size_t reach, const char *ends)
{
	while (from < reach && !(p[from] && strchr(ends, p[from])))
		from++;
	return from;
}

/* "![words](address)" of a stranger. A line's end is none of it. */
static enum found picture_at(const struct walk *walk, size_t at, struct token *ret)
{
	const char *p = walk->p;
	size_t reach = reach_of(walk, at), words, end;

	if (may_become(walk, at, "!["))
		return OPEN;
	if (!starts(p + at, walk->n - at, "!["))
		return NONE;
	words = skip_to(p, at + 2, reach, "]\n");
	if (words == reach)
		return unended(walk, reach) == OPEN ? OPEN : NONE;
	if (may_become(walk, words, "]("))
		return OPEN;
	if (!starts(p + words, walk->n - words, "]("))
		return NONE;
	end = words + 2 < reach ? skip_to(p, words + 2, reach, ")\n") : reach;
	enum found found = end < reach ? p[end] == ')' ? FOUND : NONE : unended(walk, reach);
	if (found != FOUND)
		return found;
	struct url url = look_at(walk->links, p, words + 2, end < words + 2 ? words + 2 : end);
	*ret = (struct token){ end < reach ? end + 1 : reach, BATON_GUARD_REMOVE, "picture" };
	return url.foreign || url.bad ? FOUND : NONE;
}

/* A tag that makes a browser fetch or run something. */
static enum found tag_at(const struct walk *walk, size_t at, struct token *ret)
{
	static const char *const tags[] = { "<img",   "<script", "<iframe", "<object", "<embed",
					    "<video", "<audio",  "<svg",    "<link",   "<form" };
	size_t reach = reach_of(walk, at);

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (may_become(walk, at, tags[i]))
			return OPEN;
		if (!starts(walk->p + at, walk->n - at, tags[i]))
			continue;
		size_t end = skip_to(walk->p, at, reach, ">");
		*ret = (struct token){ end < reach ? end + 1 : reach, BATON_GUARD_REMOVE,
				       "picture" };
		return end < reach ? FOUND : unended(walk, reach);
	}
	return NONE;
}

/* An address: by how it begins, or where a link has one. It ends at a blank, or at what stands
 * around it. */
static enum found url_at(const struct walk *walk, size_t at, struct token *ret)
{
	const char *p = walk->p;
	char before = at > 0 ? p[at - 1] : ' ';
	size_t reach = reach_of(walk, at), end;

	if ((before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))
		return NONE;
	if (!(before == '(' && at > 1 && p[at - 2] == ']')) {
		if (may_become(walk, at, "http://") || may_become(walk, at, "https://"))
			return OPEN;
		if (!starts(p + at, walk->n - at, "http://") &&
		    !starts(p + at, walk->n - at, "https://"))
			return NONE;
	}
	end = skip_to(p, at, reach, " \t\n\r<>\"`)]}");
	if (end == reach && reach == walk->n && walk->grows)
		return OPEN;
	while (end > at && p[end - 1] && strchr(".,;:!?'", p[end - 1]))
		end--;
	struct url url = look_at(walk->links, p, at, end);
	*ret = (struct token){ end, url.bad || (url.foreign && url.carries) ? BATON_GUARD_BLOCK : 0,
			       "link" };
	return end > at ? FOUND : NONE;
}

static enum found token_at(const struct walk *walk, size_t at, struct token *ret)
{
	bool alone;
	size_t unseen = score_invisible((const unsigned char *)walk->p, walk->n, at, &alone);
	enum found found = NONE;

	if (unseen > 0 && !alone) {
		*ret = (struct token){ at + unseen, BATON_GUARD_REMOVE, "invisible" };
		return FOUND;
	}
	if (walk->p[at] == '!')
		found = picture_at(walk, at, ret);
	else if (walk->p[at] == '<')
		found = tag_at(walk, at, ret);
	return found == NONE ? url_at(walk, at, ret) : found;
}

/* --- the text --- */

/* At or before `from`, a place that no token reaches over: a line begins there, and only tags go on
 * over lines. */
static size_t walk_begin(baton_str text, size_t from)
{
	while (from > 0) {
		const char *line = memrchr(text.p, '\n', from);
		size_t at = line ? (size_t)(line - text.p) + 1 : 0;
		size_t back = at < TOKEN_MAX ? at : TOKEN_MAX;
		const char *tag = memrchr(text.p + at - back, '<', back);

		if (!tag)
			return at;
		from = (size_t)(tag - text.p);
	}
	return 0;
}

int32_t links_find(const struct links *links, const baton_inspection *what, size_t from,
		   baton_hits *out, size_t *ret_safe)
{
	const struct walk walk = { links, what->text.p, what->text.n, !what->final };
	size_t at = walk_begin(what->text, from < walk.n ? from : walk.n);

	while (at < walk.n) {
		struct token token;
		enum found found = token_at(&walk, at, &token);
		int32_t rc = BATON_OK;

		if (found == OPEN)
			break;
		if (found == FOUND && token.action && token.end > from)
			rc = frame_hit(out, (baton_hit){ .begin = (uint32_t)at,
							 .end = (uint32_t)token.end,
							 .action = token.action,
							 .confidence_ppm = PPM,
							 .type = frame_str(token.type) });
		if (rc < 0)
			return rc;
		at = found == FOUND ? token.end : at + 1;
	}
	*ret_safe = frame_character(what->text, at);
	return BATON_OK;
}
