/* SPDX-License-Identifier: Apache-2.0 */

/* Where a request may go: URLs, egress lists and resolved addresses. Pure but for libcurl's URL
 * parser, which is the one that libcurl will use for the request, too. */
#pragma once

#include "core/base/str.h"

#include <curl/curl.h>

struct sockaddr;
struct sockaddr_storage;

/* Read once and never changed, shared by all requests that go there. One thread's. */
struct baton_target {
	CURLU *parsed; /* what was judged is what is asked: libcurl does not read the text again */
	char *server;  /* the same as text, written anew: where, without what */
	char *what;    /* path and query as they are sent: libcurl writes them anew for each request */
	char *host;    /* lower case, IPv6 in brackets */
	uint16_t port;
	bool https, private; /* private: the host is such an address itself */
	unsigned refs;
};

/* 0, or BATON_E_INVAL: no http or https URL, userinfo in it, control characters or spaces;
 * BATON_E_LIMIT: too long. */
int baton_target_new(baton_str url, struct baton_target **ret);
struct baton_target *baton_target_ref(struct baton_target *target);
/* Frees it with its last user; *target may be NULL. */
void baton_target_unref(struct baton_target **target);

/* Patterns are "host", "host:port" and "*.host" (any name below it, not itself). One without a port
 * means port 443; for plain http, which only reaches this machine, any port, as "host:*" does. */
bool baton_target_allowed(const struct baton_target *target, const char *const *egress, size_t n);

/* Is the host an address of a private network (10, 172.16, 192.168, fc00::/7), and does the list name
 * just that with its port? Only then may a request go there: a name that resolves to it may not. */
bool baton_target_private(const struct baton_target *target, const char *const *egress, size_t n);
bool baton_address_private(const struct sockaddr *address);
/* False if it is no address in figures. */
bool baton_address_of(const char *ip, struct sockaddr_storage *ret);

/* Whether to connect there: https to public addresses; both to loopback if `allow_loopback`. */
bool baton_address_allowed(const struct sockaddr *address, bool https, bool allow_loopback);

/* A header of a request: a name, a colon, a value without control characters; none of those that
 * say where the request goes or how long it is, which are not the caller's. */
bool baton_header_ok(baton_str header);
