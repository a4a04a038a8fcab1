/* SPDX-License-Identifier: Apache-2.0 */

/* English only, and only words of buying, paying, sending and accounts that mean one thing there. A
 * word stands in one group. What is said otherwise in one shop alone belongs into the `also` of its
 * articles. */

#include "synonyms.h"

#include <stdbool.h>
#include <string.h>

enum { GROUP_WORDS_MAX = 6 };

static const char *const groups[][GROUP_WORDS_MAX] = {
	{ "parcel", "package", "shipment" },
	{ "carrier", "courier" },
	{ "shipping", "delivery", "postage" },
	{ "ship", "deliver", "dispatch" },
	{ "cost", "price", "fee", "charge" },
	{ "voucher", "coupon", "promo", "discount" },
	{ "invoice", "receipt", "bill" },
	{ "refund", "reimburse", "reimbursement" },
	{ "instalment", "installment", "monthly" },
	{ "declined", "rejected", "refused", "failed", "accepted" },
	{ "reserved", "pending" },
	{ "cheaper", "dropped", "reduced" },
	{ "collect", "pickup" },
	{ "abroad", "overseas", "international" },
	{ "swap", "exchange" },
	{ "broken", "broke", "damaged", "faulty", "defective", "cracked" },
	{ "repair", "fix" },
	{ "spare", "replacement" },
	{ "assemble", "assembly", "build" },
	{ "manual", "instructions" },
	{ "warranty", "guarantee", "guaranteed" },
	{ "clean", "wash" },
	{ "sofa", "couch", "settee" },
	{ "store", "shop", "showroom" },
	{ "gift", "present" },
	{ "valid", "expire", "expiry" },
	{ "delete", "erase", "remove" },
	{ "email", "mail" },
	{ "phone", "telephone", "call" },
	{ "robot", "bot", "ai" },
	{ "person", "human", "agent" },
	{ "suspicious", "strange", "phishing", "scam", "fake", "fraud" },
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* The same, or one the other's plural. */
static bool is_same(const char *word, size_t n, const char *other)
{
	size_t len = strlen(other);

	if (n > 0 && len + 1 == n && word[n - 1] == 's')
		n--;
	return n == len && memcmp(word, other, n) == 0;
}

/* Index of the word among all, GROUPS * GROUP_WORDS_MAX if it is not there. */
static size_t find(const char *word, size_t n)
{
	size_t i = 0;

	for (; i < (size_t)GROUPS * GROUP_WORDS_MAX; i++) {
		const char *here = groups[i / GROUP_WORDS_MAX][i % GROUP_WORDS_MAX];

		if (here && is_same(word, n, here))
			break;
	}
	return i;
}

const char *synonym_next(const char *word, size_t n, size_t *at)
{
	size_t found = find(word, n), group = found / GROUP_WORDS_MAX;

	for (; group < GROUPS && *at < GROUP_WORDS_MAX; (*at)++)
		if (groups[group][*at] && *at != found % GROUP_WORDS_MAX)
			return groups[group][(*at)++];
	return NULL;
}
