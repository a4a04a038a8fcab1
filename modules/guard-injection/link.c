/* SPDX-License-Identifier: Apache-2.0 */

#include "modules/guard-injection/link.h"
#include "modules/guard-injection/score.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { PATH_MAX_ = 120, HELD_MAX = 2048, PPM = 1000000 };

static bool starts(const char *p, size_t left, const char *what)
{
	size_t n = strlen(what);

	return left >= n && strncasecmp(p, what, n) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The address that begins at `at` ends at a blank or at what stands around it. */
static size_t url_end(const char *p, size_t n, size_t at)
{
	while (at < n && !is_blank(p[at]) && !strchr("<>\"`)]}", p[at]))
		at++;
	while (at > 0 && strchr(".,;:!?'", p[at - 1]))
		at--;
	return at;
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

static int32_t add(baton_hits *out, size_t from, size_t begin, size_t end, uint32_t action,
		   const char *type)
{
	if (end <= from || begin >= end)
		return BATON_OK;
	if (out->n > 0 && out->v[out->n - 1].end > begin)
		return BATON_OK;
	if (out->n == out->cap)
		return BATON_E_LIMIT;
	out->v[out->n++] = (baton_hit){ .begin = (uint32_t)begin,
					.end = (uint32_t)end,
					.action = action,
					.confidence_ppm = PPM,
					.type = { type, strlen(type) } };
	return BATON_OK;
}

/* "![words](address)": its end, 0 if it is none; the address begins at *ret_url. */
static size_t picture_end(const char *p, size_t n, size_t at, size_t *ret_url)
{
	size_t i = at + 2;

	while (i < n && p[i] != ']' && p[i] != '\n')
		i++;
	if (i + 1 >= n || p[i] != ']' || p[i + 1] != '(')
		return 0;
	*ret_url = i += 2;
	while (i < n && p[i] != ')' && p[i] != '\n')
		i++;
	return i < n && p[i] == ')' ? i + 1 : 0;
}

/* A tag that makes a browser fetch or run something. */
static size_t tag_end(const char *p, size_t n, size_t at)
{
	static const char *const tags[] = { "<img",   "<script", "<iframe", "<object", "<embed",
					    "<video", "<audio",  "<svg",    "<link",   "<form" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		const char *end =
			starts(p + at, n - at, tags[i]) ? memchr(p + at, '>', n - at) : NULL;

		if (end)
			return (size_t)(end - p) + 1;
	}
	return 0;
}

static bool begins_url(const char *p, size_t n, size_t at)
{
	char before = at > 0 ? p[at - 1] : ' ';

	if ((before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))
		return false;
	return starts(p + at, n - at, "http://") || starts(p + at, n - at, "https://") ||
	       (before == '(' && at > 1 && p[at - 2] == ']');
}

/* Pictures and tags; where it ends, or 0. */
static size_t find_fetched(const struct links *links, const char *p, size_t n, size_t at)
{
	size_t url = 0, end = 0;

	if (p[at] == '!' && at + 1 < n && p[at + 1] == '[') {
		end = picture_end(p, n, at, &url);
		struct url look = end ? look_at(links, p, url, end - 1) : (struct url){ 0 };

		return end && (look.foreign || look.bad) ? end : 0;
	}
	return p[at] == '<' ? tag_end(p, n, at) : 0;
}

int32_t links_find(const struct links *links, const baton_inspection *what, size_t from,
		   baton_hits *out)
{
	const char *p = what->text.p;
	size_t n = what->text.n, start = from > HELD_MAX ? from - HELD_MAX : 0;
	int32_t rc = BATON_OK;

	while (start > 0 && ((unsigned char)p[start] & 0xc0) == 0x80)
		start--;
	for (size_t at = start; at < n && rc == BATON_OK; at++) {
		bool alone;
		size_t end = score_invisible((const unsigned char *)p, n, at, &alone);

		if (end > 0 && !alone) {
			rc = add(out, from, at, at + end, BATON_GUARD_REMOVE, "invisible");
			at += end - 1;
			continue;
		}
		end = find_fetched(links, p, n, at);
		if (end > 0) {
			rc = add(out, from, at, end, BATON_GUARD_REMOVE, "picture");
			at = end - 1;
		} else if (begins_url(p, n, at)) {
			end = url_end(p, n, at);
			struct url url = look_at(links, p, at, end);

			if (url.bad || (url.foreign && url.carries))
				rc = add(out, from, at, end, BATON_GUARD_BLOCK, "link");
			at = end > at ? end - 1 : at;
		}
	}
	return rc;
}

size_t links_safe(const char *text, size_t n)
{
	size_t least = n > HELD_MAX ? n - HELD_MAX : 0, safe = n;

	/* The last word; and a bracket or a tag that is open. */
	while (safe > least && !is_blank(text[safe - 1]))
		safe--;
	for (size_t at = n; at > least; at--) {
		char c = text[at - 1];

		if (c == '\n' || c == ')' || c == '>')
			break;
		if (c == '[' || c == '<' || c == '!')
			safe = at - 1 < safe ? at - 1 : safe;
	}
	while (safe > 0 && safe < n && ((unsigned char)text[safe] & 0xc0) == 0x80)
		safe--;
	return safe;
}
