/* SPDX-License-Identifier: Apache-2.0 */

/* Who the customer is, and the files that come with a message.
 *
 * A connection says with every message what is known of its customer; only what is new becomes an
 * event. The state keeps hashes of what was signed and claimed last, so that nobody is remembered
 * in more places than the log. JSON that is none is left out: it would spoil the record for all
 * who read it, and nobody's question may fail because of the page around it.
 */

#include "core/session/decide.h"

#include "core/base/errors.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/session/client_ids.h"

enum { SIGNED_NAME_BYTES_MAX = 128, SHA256_TEXT = 64, FILE_NAME_BYTES_MAX = 255 };

static uint64_t hash_on(uint64_t seed, baton_str s)
{
	return baton_hash_seeded(s.n ? s.p : "", s.n, seed + s.n + 1);
}

uint64_t people_identity_hash(const struct baton_ev_identity_verified *identity)
{
	const baton_str *parts[] = { &identity->customer,   &identity->name,
				     &identity->email,      &identity->customer_tier,
				     &identity->attributes, &identity->key };
	uint64_t hash = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		hash = hash_on(hash, *parts[i]);
	return hash ? hash : 1;
}

uint64_t people_claimed_hash(baton_str attributes)
{
	uint64_t hash = hash_on(0, attributes);

	return hash ? hash : 1;
}

static bool is_object(baton_str json)
{
	struct baton_json value;

	return json.n <= BATON_ATTRIBUTES_BYTES_MAX && baton_json_parse(json, &value) == 0 &&
	       value.type == BATON_JSON_OBJECT;
}

int people_check(const struct baton_session *session, const struct baton_command *command)
{
	baton_str customer = command->identity.customer;

	if (customer.n > BATON_NAME_BYTES_MAX)
		return BATON_E_TOO_BIG; /* cut off it would be somebody else */
	if (customer.n > 0 && session->verified && !baton_str_is(customer, session->customer))
		return BATON_E_DENIED;
	return BATON_OK;
}

static void add_signed(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision)
{
	const struct baton_signed_identity *identity = &command->identity;
	struct baton_ev_identity_verified verified = {
		.customer = identity->customer,
		.name = baton_str_clip(identity->name, SIGNED_NAME_BYTES_MAX),
		.email = baton_str_clip(identity->email, BATON_CONTACT_BYTES_MAX),
		.customer_tier = baton_str_clip(identity->customer_tier, BATON_NAME_BYTES_MAX),
		.attributes =
			is_object(identity->attributes) ? identity->attributes : BATON_STR(""),
		.key = baton_str_clip(identity->key, BATON_NAME_BYTES_MAX),
	};

	if (identity->customer.n > 0 && people_identity_hash(&verified) != session->identity_hash)
		decide_add(decision, session, command, BATON_EV_IDENTITY_VERIFIED)
			->identity_verified = verified;
}

void people_add_identity(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision)
{
	if (command->auth_failed.n > 0)
		decide_add(decision, session, command, BATON_EV_AUTHENTICATION_FAILED)
			->authentication_failed.reason =
			baton_str_clip(command->auth_failed, BATON_NAME_BYTES_MAX);
	add_signed(session, command, decision);
	if (command->claimed.n > 0 &&
	    people_claimed_hash(command->claimed) != session->claimed_hash &&
	    is_object(command->claimed))
		decide_add(decision, session, command, BATON_EV_ATTRIBUTES_CLAIMED)
			->attributes_claimed.attributes = command->claimed;
}

int people_check_files(const struct baton_session *session, const struct baton_command *command)
{
	if (command->n_attachments > BATON_MSG_ATTACHMENTS_MAX)
		return BATON_E_LIMIT;
	for (size_t i = 0; i < command->n_attachments; i++) {
		baton_str id = command->attachments[i].id;

		if (id.n == 0 || id.n > BATON_CLIENT_ID_BYTES_MAX)
			return BATON_E_INVAL;
		if (baton_client_ids_find(&session->client_ids, SPEAKER_FILE, id) > 0)
			return BATON_E_INVAL; /* it came with an earlier message */
		for (size_t j = 0; j < i; j++)
			if (baton_str_eq(command->attachments[j].id, id))
				return BATON_E_INVAL;
	}
	return BATON_OK;
}

void people_add_files(const struct baton_session *session, const struct baton_command *command,
		      struct baton_decision *decision, const char *by)
{
	for (size_t i = 0; i < command->n_attachments; i++) {
		const struct baton_attachment *file = &command->attachments[i];

		decide_add(decision, session, command, BATON_EV_ATTACHMENT_ADDED)
			->attachment_added = (struct baton_ev_attachment_added){
			.attachment = file->id,
			.name = baton_str_clip(file->name, FILE_NAME_BYTES_MAX),
			.media_type = baton_str_clip(file->media_type, BATON_NAME_BYTES_MAX),
			.bytes = file->bytes,
			.by = baton_str_of(by),
			.sha256 = baton_str_clip(file->sha256, SHA256_TEXT),
			.agent = command->agent,
		};
	}
}
