/* SPDX-License-Identifier: Apache-2.0 */

/* What identity.yaml must keep beyond its form: a token's kid leads to one key, and what opens
 * the desk is meant for the desk. Secrets are not read here: a set is checked on machines that
 * have none.
 */

#include "core/policy/load.h"

/* Nothing that has to be quoted in a log, a header, or a program. */
static bool is_kid(const char *kid)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.:/@+=";

	return kid[0] != '\0' && kid[strspn(kid, plain)] == '\0';
}

static void check_kid(struct baton_load *load, size_t i, struct baton_place place)
{
	const struct baton_identity_key *keys = load->policy->identity.keys;

	if (!is_kid(keys[i].kid)) {
		baton_finding_error(&load->findings, place,
				    "a kid has letters, digits and - _ . : / @ + = only");
		return;
	}
	for (size_t j = 0; j < i; j++)
		if (keys[j].kid && strcmp(keys[i].kid, keys[j].kid) == 0)
			baton_finding_error(
				&load->findings, place,
				"another key is called `%s`, too: a token would not say which is meant",
				keys[i].kid);
}

static void check_key(struct baton_load *load, size_t i, const struct baton_yaml *node)
{
	const struct baton_identity_key *key = &load->policy->identity.keys[i];

	if (key->kid)
		check_kid(load, i, baton_load_place(node, "kid"));
	if (!key->for_ || strcmp(key->for_, "agents") != 0)
		return;
	if (!key->issuer || !key->audience || !key->issuer[0] || !key->audience[0])
		baton_finding_error(
			&load->findings, baton_load_place(node, "for"),
			"a key for agents needs `issuer` and `audience`: without them whatever its owner "
			"signs, for whatever purpose, would open the desk");
}

void baton_check_identity(struct baton_load *load)
{
	struct baton_identity_def *def = &load->policy->identity;
	const struct baton_yaml *list = load->lists[BATON_SHAPE_IDENTITY];

	for (size_t i = 0; i < def->n_keys; i++)
		check_key(load, i, baton_load_entry(list, i));
	if (!def->hash_secret)
		def->hash_secret = "";
}
