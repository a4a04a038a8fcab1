/* SPDX-License-Identifier: Apache-2.0 */

/* Addresses of the net: e-mail and IP. */

#include "modules/guard-pii/find.h"

#include <arpa/inet.h>
#include <string.h>

enum { LOCAL_MAX = 64, DOMAIN_MAX = 253, V6_MAX = 45 };

static bool is_local(unsigned char c)
{
	return is_alnum(c) || memchr("._%+'-&!#$*/=?^`{|}~", c, 20);
}

/* The end of the domain that begins at `at`; 0: there is none. Needs a dot and a last label of
 * letters. */
static size_t domain_end(const struct find *find, size_t at)
{
	size_t i = at, label = at, end = 0;

	for (; i < find->n && i < at + DOMAIN_MAX; i++) {
		unsigned char c = find->p[i];

		if (c == '.') {
			if (i == label)
				break;
			label = i + 1;
		} else if (!is_alnum(c) && !(c == '-' && i > label)) {
			break;
		} else if (label > at && i >= label + 1 && is_letter(find->p[label])) {
			end = i + 1;
		}
	}
	while (end > at && find->p[end - 1] == '-')
		end--;
	return end;
}

static void find_email(struct find *find, size_t sign)
{
	size_t begin = sign, end = domain_end(find, sign + 1);

	while (begin > 0 && sign - begin < LOCAL_MAX && is_local(find->p[begin - 1]))
		begin--;
	while (begin < sign && !is_alnum(find->p[begin]) && find->p[begin] != '_')
		begin++;
	while (begin < sign && (find->p[begin] & 0xc0) == 0x80)
		begin++;
	if (begin < sign && end > 0)
		find_add(find, begin, end, PII_EMAIL, 995000);
}

/* 1.2.3.4 stands for itself, or for a version: then a word in front says so. */
static size_t find_v4(struct find *find, size_t at)
{
	size_t i = at;
	unsigned parts = 0;

	while (parts < 4) {
		unsigned value = 0, digits = 0;

		while (i < find->n && is_digit(find->p[i]) && digits < 4) {
			value = value * 10 + (unsigned)(find->p[i++] - '0');
			digits++;
		}
		if (digits == 0 || digits > 3 || value > 255)
			return 0;
		if (++parts == 4)
			break;
		if (i == find->n || find->p[i++] != '.')
			return 0;
	}
	if (i < find->n && (is_alnum(find->p[i]) ||
			    (find->p[i] == '.' && i + 1 < find->n && is_digit(find->p[i + 1]))))
		return 0;
	if (find_near(find, at, 12, "version\0v\0ver\0release\0build\0firmware\0"))
		return 0;
	find_add(find, at, i, PII_IP, 960000);
	return i - at;
}

static size_t find_v6(struct find *find, size_t at)
{
	char text[V6_MAX + 1];
	struct in6_addr address;
	size_t n = 0, colons = 0;

	while (at + n < find->n && n < V6_MAX) {
		unsigned char c = lower(find->p[at + n]);

		if (!is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
			break;
		colons += c == ':';
		text[n++] = (char)c;
	}
	while (n > 0 &&
	       (text[n - 1] == '.' || (text[n - 1] == ':' && (n < 2 || text[n - 2] != ':'))))
		n--;
	text[n] = '\0';
	if (colons < 2 || n < 4 || (at + n < find->n && is_alnum(find->p[at + n])) ||
	    inet_pton(AF_INET6, text, &address) != 1)
		return 0;
	find_add(find, at, at + n, PII_IP, 960000);
	return n;
}

void find_names(struct find *find)
{
	for (size_t at = 0; at < find->n; at++) {
		unsigned char c = find->p[at], before = at > 0 ? find->p[at - 1] : ' ';
		size_t taken = 0;

		if (c == '@' && pii_wants(find, PII_EMAIL))
			find_email(find, at);
		if (!pii_wants(find, PII_IP) || is_alnum(before) || before == ':' || before == '.')
			continue;
		if (is_digit(c))
			taken = find_v4(find, at);
		if (taken == 0 && (is_digit(c) || c == ':' || (lower(c) >= 'a' && lower(c) <= 'f')))
			taken = find_v6(find, at);
		if (taken > 0)
			at += taken - 1;
	}
}
