/* SPDX-License-Identifier: Apache-2.0 */

/* Surprising: the table of failed guesses is the one thing in this folder that all workers share,
 * because the kernel spreads one attacker's connections over all of them. It is touched only by
 * requests that show a token. Behind a proxy all clients have the proxy's address.
 */

#include "channels/http/guesses.h"

#include "core/base/hash.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

enum { GUESSES_PER_MINUTE = 5, ADDRESSES = 1024 };
#define MINUTE_NS ((uint64_t)60 * 1000 * 1000 * 1000)

/* One slot per hash of an address: two addresses may share one, and then share its five guesses. */
static struct {
	pthread_mutex_t lock;
	struct {
		uint64_t since_ns;
		unsigned failed;
	} slots[ADDRESSES];
} guesses = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t address_slot(struct lws *wsi)
{
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(address);
	const void *p = &((struct sockaddr_in *)&address)->sin_addr;
	size_t bytes = sizeof(struct in_addr);

	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&address, &n) < 0)
		return 0;
	if (address.ss_family == AF_INET6) { /* one subscriber has a /64 */
		p = &((struct sockaddr_in6 *)&address)->sin6_addr;
		bytes = 8;
	}
	return (size_t)(baton_hash(p, bytes) % ADDRESSES);
}

bool baton_guess_may(struct baton_listener *listener, struct lws *wsi, unsigned failed)
{
	uint64_t now_ns = baton_loop_now_ns(baton_port_loop(listener->port));
	size_t slot = address_slot(wsi);

	pthread_mutex_lock(&guesses.lock);
	if (now_ns - guesses.slots[slot].since_ns > MINUTE_NS) {
		guesses.slots[slot].since_ns = now_ns;
		guesses.slots[slot].failed = 0;
	}
	guesses.slots[slot].failed += failed;
	bool ok = guesses.slots[slot].failed < GUESSES_PER_MINUTE;
	pthread_mutex_unlock(&guesses.lock);
	if (failed > 0)
		baton_port_count(listener->port, BATON_METRIC_LOGINS_REFUSED, failed);
	return ok;
}
