/* SPDX-License-Identifier: Apache-2.0 */

/* What may be reached; see target.h. Addresses are judged when the socket is made and not before:
 * a name that resolves to something else a moment later gains nothing. */
#include "core/loop/target.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>

/* --- private networks, where the list names the address itself --- */

struct net4 {
	uint32_t net;
	unsigned bits;
};

bool baton_address_private(const struct sockaddr *address)
{
	static const struct net4 own[] = { { 0x0a000000, 8 },
					   { 0xac100000, 12 },
					   { 0xc0a80000, 16 } };

	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		uint32_t ip = ntohl(in.sin_addr.s_addr);
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			if ((ip ^ own[i].net) >> (32 - own[i].bits) == 0)
				return true;
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		return (in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
	}
	return false;
}

bool baton_address_of(const char *ip, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		memcpy(ret, &in, sizeof(in));
	else if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
		memcpy(ret, &in6, sizeof(in6));
	else
		return false;
	return true;
}

static bool host_private(const char *host)
{
	struct sockaddr_storage address;
	char ip[INET6_ADDRSTRLEN];
	size_t n = strlen(host);

	if (n > 2 && host[0] == '[') { /* IPv6 in brackets */
		host++;
		n -= 2;
	}
	if (n >= sizeof(ip))
		return false;
	memcpy(ip, host, n);
	ip[n] = '\0';
	return baton_address_of(ip, &address) &&
	       baton_address_private((const struct sockaddr *)&address);
}

/* --- URLs --- */

static bool text_plain(baton_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] == 0x7f)
			return false;
	return text.n > 0;
}

static bool part_absent(CURLU *u, CURLUPart part)
{
	char *value = NULL;
	CURLUcode rc = curl_url_get(u, part, &value, 0);
	curl_free(value);
	return rc != CURLUE_OK;
}

/* A copy from our own allocator, so that nobody has to know whose free() it needs. */
static char *part_take(CURLU *u, CURLUPart part, unsigned flags)
{
	char *value = NULL;
	if (curl_url_get(u, part, &value, flags) != CURLUE_OK)
		return NULL;
	char *copy = baton_memdupz(value, strlen(value));
	curl_free(value);
	return copy;
}

/* Takes path and query out of the URL, as libcurl would send them. */
static char *what_take(CURLU *u)
{
	char *path = part_take(u, CURLUPART_PATH, CURLU_URLENCODE);
	char *query = part_take(u, CURLUPART_QUERY, 0);
	size_t n = path ? strlen(path) : 0, more = query ? strlen(query) + 1 : 0;

	if (path && query) {
		path = baton_realloc(path, n + more + 1);
		path[n] = '?';
		memcpy(path + n + 1, query, more);
	}
	baton_free(query);
	curl_url_set(u, CURLUPART_PATH, NULL, 0);
	curl_url_set(u, CURLUPART_QUERY, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	return path;
}

static int target_read(CURLU *u, struct baton_target *target)
{
	if (!part_absent(u, CURLUPART_USER) || !part_absent(u, CURLUPART_PASSWORD))
		return BATON_E_INVAL;

	char *scheme = part_take(u, CURLUPART_SCHEME, 0);
	char *port = part_take(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	target->what = what_take(u);
	target->host = part_take(u, CURLUPART_HOST, 0);
	target->server = part_take(u, CURLUPART_URL, 0);
	int rc = BATON_E_INVAL;
	if (scheme && port && target->what && target->host && target->server) {
		target->https = strcasecmp(scheme, "https") == 0;
		target->port = (uint16_t)strtoul(port, NULL, 10);
		if (target->https || strcasecmp(scheme, "http") == 0)
			rc = BATON_OK;
		for (char *c = target->host; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		target->private = host_private(target->host);
	}
	baton_free(scheme);
	baton_free(port);
	return rc;
}

int baton_target_new(baton_str url, struct baton_target **ret)
{
	if (url.n > BATON_HTTP_URL_BYTES_MAX)
		return BATON_E_LIMIT;
	if (!text_plain(url))
		return BATON_E_INVAL;

	struct baton_target *target = baton_new(struct baton_target);
	char *text = baton_memdupz(url.p, url.n);
	int rc = BATON_E_INVAL;
	target->refs = 1;
	target->parsed = curl_url();
	if (target->parsed && curl_url_set(target->parsed, CURLUPART_URL, text, 0) == CURLUE_OK)
		rc = target_read(target->parsed, target);
	baton_free(text);

	if (rc)
		baton_target_unref(&target);
	else
		*ret = target;
	return rc;
}

struct baton_target *baton_target_ref(struct baton_target *target)
{
	target->refs++;
	return target;
}

void baton_target_unref(struct baton_target **ptarget)
{
	struct baton_target *target = *ptarget;
	*ptarget = NULL;
	if (!target || --target->refs)
		return;
	curl_url_cleanup(target->parsed);
	baton_free(target->server);
	baton_free(target->what);
	baton_free(target->host);
	baton_free(target);
}

/* --- egress lists --- */

static bool host_matches(const char *host, baton_str pattern)
{
	size_t n = strlen(host);
	if (pattern.n > 2 && pattern.p[0] == '*' && pattern.p[1] == '.') {
		pattern.p++;
		pattern.n--;
		if (n <= pattern.n)
			return false;
		host += n - pattern.n;
		n = pattern.n;
	}
	return n == pattern.n && strncasecmp(host, pattern.p, n) == 0;
}

static bool pattern_matches(const struct baton_target *target, const char *pattern)
{
	baton_str host = baton_str_of(pattern);
	const char *colon = strrchr(pattern, ':');
	const char *bracket = strrchr(pattern, ']');

	if (colon && (!bracket || colon > bracket)) {
		host.n = (size_t)(colon - pattern);
		bool any = strcmp(colon + 1, "*") == 0 && !target->https;
		if (!any && strtoul(colon + 1, NULL, 10) != target->port)
			return false;
	} else if (target->https && target->port != 443) {
		return false;
	}
	return host_matches(target->host, host);
}

bool baton_target_allowed(const struct baton_target *target, const char *const *egress, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pattern_matches(target, egress[i]))
			return true;
	return false;
}

/* --- addresses --- */

/* IANA's special-purpose registry and multicast: nothing of it is a public server. */
static const struct net4 private4[] = {
	{ 0x00000000, 8 },  /* 0.0.0.0: this network */
	{ 0x0a000000, 8 },  /* 10 */
	{ 0x64400000, 10 }, /* 100.64: carrier NAT */
	{ 0x7f000000, 8 },  /* 127 */
	{ 0xa9fe0000, 16 }, /* 169.254: link local, cloud metadata */
	{ 0xac100000, 12 }, /* 172.16 */
	{ 0xc0000000, 24 }, /* 192.0.0 */
	{ 0xc0000200, 24 }, /* 192.0.2: documentation */
	{ 0xc0586300, 24 }, /* 192.88.99: 6to4 relays */
	{ 0xc0a80000, 16 }, /* 192.168 */
	{ 0xc6120000, 15 }, /* 198.18: benchmarks */
	{ 0xc6336400, 24 }, /* 198.51.100: documentation */
	{ 0xcb007100, 24 }, /* 203.0.113: documentation */
	{ 0xe0000000, 4 },  /* multicast */
	{ 0xf0000000, 4 },  /* reserved, broadcast */
};

enum reach { REACH_PUBLIC, REACH_LOOPBACK, REACH_NONE };

static enum reach reach4(uint32_t address)
{
	if (address >> 24 == 127)
		return REACH_LOOPBACK;
	for (size_t i = 0; i < sizeof(private4) / sizeof(private4[0]); i++)
		if ((address ^ private4[i].net) >> (32 - private4[i].bits) == 0)
			return REACH_NONE;
	return REACH_PUBLIC;
}

static uint32_t be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static enum reach reach6(const uint8_t b[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t loopback[16] = { [15] = 1 };

	if (memcmp(b, loopback, sizeof(loopback)) == 0)
		return REACH_LOOPBACK;
	if (memcmp(b, mapped, sizeof(mapped)) == 0)
		return reach4(be32(b + 12));
	if (memcmp(b, nat64, sizeof(nat64)) == 0)
		return reach4(be32(b + 12)) == REACH_PUBLIC ? REACH_PUBLIC : REACH_NONE;

	uint32_t top = be32(b);
	if (top >> 29 != 1) /* 2000::/3 alone is global unicast */
		return REACH_NONE;
	if (top >> 9 == 0x20010000 >> 9 || top == 0x20010db8) /* 2001::/23, documentation */
		return REACH_NONE;
	if (top >> 16 == 0x2002 || top >> 12 == 0x3fff0) /* 6to4, documentation */
		return REACH_NONE;
	return REACH_PUBLIC;
}

bool baton_address_allowed(const struct sockaddr *address, bool https, bool allow_loopback)
{
	enum reach reach = REACH_NONE;

	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		reach = reach4(ntohl(in.sin_addr.s_addr));
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		reach = reach6(in6.sin6_addr.s6_addr);
	}

	switch (reach) {
	case REACH_PUBLIC:
		return https;
	case REACH_LOOPBACK:
		return allow_loopback;
	case REACH_NONE:
		break;
	}
	return false;
}

bool baton_target_private(const struct baton_target *target, const char *const *egress, size_t n)
{
	size_t len = strlen(target->host);

	for (size_t i = 0; target->private && i < n; i++)
		if (strncasecmp(egress[i], target->host, len) == 0 && egress[i][len] == ':' &&
		    strtoul(egress[i] + len + 1, NULL, 10) == target->port)
			return true;
	return false;
}

/* --- headers --- */

static bool name_char(char c)
{
	unsigned letter = ((unsigned)c | 0x20) - 'a', digit = (unsigned)c - '0';
	return letter < 26 || digit < 10 || c == '-' || (c && strchr("!#$%&'*+.^_`|~", c));
}

static bool name_is_ours(const char *name, size_t n)
{
	static const struct {
		size_t n;
		const char *name;
	} ours[] = {
		{ 4, "host" },
		{ 14, "content-length" },
		{ 17, "transfer-encoding" },
		{ 10, "connection" },
		{ 6, "expect" },
		{ 7, "upgrade" },
		{ 2, "te" },
		{ 7, "trailer" },
		{ 19, "proxy-authorization" },
		{ 16, "proxy-connection" },
	};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i].n == n && strncasecmp(ours[i].name, name, n) == 0)
			return true;
	return false;
}

/* What stands for itself in JSON is no control character. */
static bool value_ok(baton_str value)
{
	for (size_t i = 0; i < value.n; i++) {
		i += baton_str_json_plain((baton_str){ value.p + i, value.n - i });
		if (i < value.n && (unsigned char)value.p[i] < ' ' && value.p[i] != '\t')
			return false;
	}
	return !memchr(value.p, 0x7f, value.n);
}

bool baton_header_ok(baton_str header)
{
	const char *colon = header.n ? memchr(header.p, ':', header.n) : NULL;
	if (!colon || colon == header.p)
		return false;

	size_t n = (size_t)(colon - header.p);
	for (size_t i = 0; i < n; i++)
		if (!name_char(header.p[i]))
			return false;
	return value_ok((baton_str){ colon, header.n - n }) && !name_is_ours(header.p, n);
}
