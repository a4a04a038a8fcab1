/* SPDX-License-Identifier: Apache-2.0 */

/* An identity in as few bytes as it takes: its texts one behind the other. There are a hundred
 * thousand tickets and as many connections, and nearly all of them are anonymous. */

#include "core/server/port.h"

#include "core/base/limits.h"

struct baton_who {
	uint16_t n[WHO_FIELDS];
	uint8_t role;
	char text[];
};

static struct baton_who *of_texts(enum baton_role role, const baton_str fields[WHO_FIELDS])
{
	size_t n = 0, at = 0;

	for (int i = 0; i < WHO_FIELDS; i++)
		n += fields[i].n;
	struct baton_who *who = baton_alloc_lasting(sizeof(*who) + n);
	who->role = (uint8_t)role;
	for (int i = 0; i < WHO_FIELDS; i++) {
		who->n[i] = (uint16_t)fields[i].n;
		if (fields[i].n > 0)
			memcpy(who->text + at, fields[i].p, fields[i].n);
		at += fields[i].n;
	}
	return who;
}

struct baton_who *baton_who_new(const struct baton_identity *identity, baton_str locale)
{
	const baton_str fields[WHO_FIELDS] = {
		[WHO_AGENT] = baton_str_of(identity->agent),
		[WHO_AGENT_NAME] = baton_str_of(identity->agent_name),
		[WHO_CUSTOMER] = baton_str_of(identity->customer),
		[WHO_TIER] = baton_str_of(identity->customer_tier),
		[WHO_ORIGIN] = baton_str_of(identity->origin),
		[WHO_LOCALE] = baton_str_clip(locale, BATON_NAME_BYTES_MAX),
		[WHO_NAME] = baton_str_of(identity->name),
		[WHO_EMAIL] = baton_str_of(identity->email),
		[WHO_KEY] = baton_str_of(identity->key),
		[WHO_ATTRIBUTES] = baton_str_of(identity->attributes),
		[WHO_CLAIMED] = baton_str_of(identity->claimed),
		[WHO_AUTH_FAILED] = baton_str_of(identity->auth_failed),
	};

	return of_texts(identity->role, fields);
}

struct baton_who *baton_who_in(const struct baton_who *who, baton_str locale)
{
	baton_str fields[WHO_FIELDS];

	baton_who_texts(who, fields);
	fields[WHO_LOCALE] = baton_str_clip(locale, BATON_NAME_BYTES_MAX);
	return of_texts(baton_who_role(who), fields);
}

baton_str baton_who_text(const struct baton_who *who, enum who_field field)
{
	size_t at = 0;

	for (int i = 0; i < (int)field; i++)
		at += who->n[i];
	return (baton_str){ who->text + at, who->n[field] };
}

void baton_who_texts(const struct baton_who *who, baton_str ret[WHO_FIELDS])
{
	size_t at = 0;

	for (int i = 0; i < WHO_FIELDS; i++) {
		ret[i] = (baton_str){ who->text + at, who->n[i] };
		at += who->n[i];
	}
}

enum baton_role baton_who_role(const struct baton_who *who)
{
	return (enum baton_role)who->role;
}

static void copy(const struct baton_who *who, enum who_field field, char *p, size_t size)
{
	baton_str s = baton_str_clip(baton_who_text(who, field), size - 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
}

void baton_who_identity(const struct baton_who *who, struct baton_identity *ret)
{
	ret->role = baton_who_role(who);
	copy(who, WHO_AGENT, ret->agent, sizeof(ret->agent));
	copy(who, WHO_AGENT_NAME, ret->agent_name, sizeof(ret->agent_name));
	copy(who, WHO_CUSTOMER, ret->customer, sizeof(ret->customer));
	copy(who, WHO_TIER, ret->customer_tier, sizeof(ret->customer_tier));
	copy(who, WHO_ORIGIN, ret->origin, sizeof(ret->origin));
	copy(who, WHO_NAME, ret->name, sizeof(ret->name));
	copy(who, WHO_EMAIL, ret->email, sizeof(ret->email));
	copy(who, WHO_KEY, ret->key, sizeof(ret->key));
	copy(who, WHO_ATTRIBUTES, ret->attributes, sizeof(ret->attributes));
	copy(who, WHO_CLAIMED, ret->claimed, sizeof(ret->claimed));
	copy(who, WHO_AUTH_FAILED, ret->auth_failed, sizeof(ret->auth_failed));
}
