/* SPDX-License-Identifier: Apache-2.0 */

/* State is what the table of orders says plus the effects behind it; an effect carries its key and
 * its answer, so that a list of effects is all there is to keep. */
#include "core/demo/orders.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ADDRESS_BYTES_MAX = 300, REASON_BYTES_MAX = 300 };

struct order {
	const char *id, *owner, *status, *items, *carrier, *tracking, *address;
	int eta_days; /* from today */
	long long cents;
};

/* The shop of policies/shop. Orders without an owner were made without an account. */
static const struct order table[] = {
	{ "HP-20441", "", "on its way", "Reading lamp \"Pier\"", "Nordpost", "NP 5520 1187",
	  "12 Quay Street, Harbour Town", 3, 8900 },
	{ "HP-10432", "", "on its way", "Linen throw \"Low tide\", bowls \"Pebble\"", "Nordpost",
	  "NP 4471 0932", "3 Hill Road, Pinewood", 5, 12100 },
	{ "HP-20502", "", "being packed", "Oak stool \"Bollard\"", "", "",
	  "8 Mill Lane, Harbour Town", 8, 14900 },
	{ "HP-30017", "vera", "delivered", "Dining table \"Breakwater\"", "Coast Freight",
	  "CF 77120", "1 Lighthouse Row, Harbour Town", -3, 69000 },
	{ "HP-30044", "vera", "being packed", "Six glasses \"Spray\"", "", "",
	  "1 Lighthouse Row, Harbour Town", 9, 5400 },
};
enum { ORDERS_N = sizeof(table) / sizeof(table[0]) };

struct orders {
	json_t *effects, *by_key;
	long long refunded[ORDERS_N];
	json_t *addresses[ORDERS_N];
};

struct orders *orders_new(void)
{
	struct orders *orders = baton_new(struct orders);

	orders->effects = json_array();
	orders->by_key = json_object();
	for (size_t i = 0; i < ORDERS_N; i++)
		orders->addresses[i] = json_string(table[i].address);
	return orders;
}

void orders_free(struct orders **orders)
{
	if (!*orders)
		return;
	for (size_t i = 0; i < ORDERS_N; i++)
		json_decref((*orders)->addresses[i]);
	json_decref((*orders)->effects);
	json_decref((*orders)->by_key);
	baton_free(*orders);
	*orders = NULL;
}

json_t *orders_effects(const struct orders *orders)
{
	return json_incref(orders->effects);
}

/* --- answers -------------------------------------------------------------------------------- */

static void refuse(struct orders_answer *ret, int status, const char *code, const char *message)
{
	*ret = (struct orders_answer){
		.status = status, .body = json_pack("{s:s, s:s}", "code", code, "message", message)
	};
}

static json_t *money(long long cents)
{
	return json_real((double)cents / 100);
}

static size_t index_of(const char *id)
{
	size_t i = 0;

	while (i < ORDERS_N && strcasecmp(table[i].id, id) != 0)
		i++;
	return i;
}

/* ORDERS_N, and refused: there is none, or it is somebody else's. */
static size_t find(const char *id, const char *customer, struct orders_answer *ret)
{
	size_t i = index_of(id);

	if (i < ORDERS_N && (!table[i].owner[0] || strcmp(table[i].owner, customer) == 0))
		return i;
	refuse(ret, 404, "not_found", "There is no such order.");
	return ORDERS_N;
}

static void day_text(char text[16], int days)
{
	time_t when = time(NULL) + (time_t)days * 86400;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&when, &tm))
		(void)strftime(text, 16, "%Y-%m-%d", &tm);
}

static json_t *order_json(const struct orders *orders, size_t i)
{
	char eta[16];
	const struct order *order = &table[i];
	long long left = order->cents - orders->refunded[i];

	day_text(eta, order->eta_days);
	return json_pack("{s:s, s:s, s:s, s:{s:o, s:s}, s:o, s:o, s:{s:s, s:s, s:s}, s:O}", "id",
			 order->id, "status",
			 orders->refunded[i] && !left ? "refunded" : order->status, "items",
			 order->items, "total", "amount", money(order->cents), "currency", "EUR",
			 "refunded", money(orders->refunded[i]), "refundable", money(left),
			 "shipment", "carrier", order->carrier, "tracking", order->tracking, "eta",
			 eta, "address", orders->addresses[i]);
}

void orders_look(struct orders *orders, const char *id, const char *customer,
		 struct orders_answer *ret)
{
	size_t i = find(id, customer, ret);

	if (i < ORDERS_N)
		*ret = (struct orders_answer){
			.status = 200, .body = json_pack("{s:o}", "order", order_json(orders, i))
		};
}

/* --- effects -------------------------------------------------------------------------------- */

/* What makes two requests under one key the same. */
static json_t *print_of(const char *kind, const char *id, const char *customer, const json_t *body)
{
	return json_pack("[s, s, s, O]", kind, id, customer, body);
}

/* true: answered already, as before or with a refusal. */
static bool seen(const struct orders *orders, const char *key, json_t *print,
		 struct orders_answer *ret)
{
	const json_t *before = json_object_get(orders->by_key, key);
	bool same = before && json_equal(json_object_get(before, "print"), print);

	json_decref(print);
	if (!key[0])
		refuse(ret, 400, "key_missing", "Say an Idempotency-Key.");
	else if (same)
		*ret = (struct orders_answer){
			.status = 200, .body = json_incref(json_object_get(before, "answer"))
		};
	else if (before)
		refuse(ret, 422, "key_used", "This key was used for another request.");
	return ret->status != 0;
}

bool orders_replay(struct orders *orders, json_t *effect)
{
	const char *kind = json_string_value(json_object_get(effect, "kind")),
		   *id = json_string_value(json_object_get(effect, "order")),
		   *key = json_string_value(json_object_get(effect, "key"));
	size_t i = id ? index_of(id) : ORDERS_N;

	if (!kind || !key || i == ORDERS_N)
		return false;
	if (strcmp(kind, "refund") == 0) {
		orders->refunded[i] += json_integer_value(json_object_get(effect, "cents"));
	} else {
		json_decref(orders->addresses[i]);
		orders->addresses[i] = json_incref(json_object_get(effect, "address"));
	}
	json_array_append(orders->effects, effect);
	json_object_set(orders->by_key, key, effect);
	return true;
}

/* Done, and answered with `answer`, which is taken; so is `effect`. */
static void perform(struct orders *orders, json_t *effect, json_t *answer,
		    struct orders_answer *ret)
{
	json_object_set_new(effect, "n",
			    json_integer((json_int_t)json_array_size(orders->effects) + 1));
	json_object_set(effect, "answer", answer);
	orders_replay(orders, effect);
	*ret = (struct orders_answer){ .status = 201, .body = answer, .effect = effect };
}

/* -1: no amount. Nothing said: all that is left. */
static long long cents_of(const json_t *amount, long long left)
{
	double value = json_number_value(amount);

	if (!amount || json_is_null(amount))
		return left;
	if (!json_is_number(amount) || !(value > 0) || value > 1e6 ||
	    fabs(value * 100 - (double)llround(value * 100)) > 1e-6)
		return -1;
	return llround(value * 100);
}

void orders_refund(struct orders *orders, const char *id, const char *customer, const char *key,
		   const json_t *body, struct orders_answer *ret)
{
	size_t i = find(id, customer, ret);
	char message[80];

	if (i == ORDERS_N || seen(orders, key, print_of("refund", id, customer, body), ret))
		return;
	long long left = table[i].cents - orders->refunded[i];
	long long cents = cents_of(json_object_get(body, "amount"), left);
	const char *reason = json_string_value(json_object_get(body, "reason"));
	if (left == 0) {
		refuse(ret, 409, "already_refunded", "All of it was paid back before.");
	} else if (cents < 0 || (reason && strlen(reason) > REASON_BYTES_MAX)) {
		refuse(ret, 422, "bad_amount", "This is no amount.");
	} else if (cents > left) {
		(void)snprintf(message, sizeof(message),
			       "At most %lld.%02lld EUR can be paid back.", left / 100, left % 100);
		refuse(ret, 422, "amount_too_high", message);
	} else {
		(void)snprintf(message, sizeof(message), "RF-%zu",
			       json_array_size(orders->effects) + 1);
		json_t *refund = json_pack("{s:s, s:s, s:o, s:s}", "id", message, "order",
					   table[i].id, "amount", money(cents), "currency", "EUR");
		json_t *effect = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:o}", "kind", "refund",
					   "order", id, "key", key, "customer", customer, "cents",
					   (json_int_t)cents, "reason", reason ? reason : "",
					   "print", print_of("refund", id, customer, body));
		perform(orders, effect, json_pack("{s:o}", "refund", refund), ret);
	}
}

void orders_address(struct orders *orders, const char *id, const char *customer, const char *key,
		    const json_t *body, struct orders_answer *ret)
{
	size_t i = find(id, customer, ret);
	json_t *address = json_object_get(body, "address");
	size_t n = json_string_length(address);

	if (i == ORDERS_N || seen(orders, key, print_of("address", id, customer, body), ret))
		return;
	if (n == 0 || n > ADDRESS_BYTES_MAX) {
		refuse(ret, 422, "bad_address", "This is no address.");
	} else if (strcmp(table[i].status, "being packed") != 0) {
		refuse(ret, 409, "already_sent", "It has left the house.");
	} else {
		json_t *effect =
			json_pack("{s:s, s:s, s:s, s:s, s:O, s:o}", "kind", "address", "order", id,
				  "key", key, "customer", customer, "address", address, "print",
				  print_of("address", id, customer, body));
		perform(orders, effect,
			json_pack("{s:{s:s, s:O}}", "order", "id", id, "address", address), ret);
	}
}
