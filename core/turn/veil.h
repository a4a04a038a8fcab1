/* SPDX-License-Identifier: Apache-2.0 */

/* The veil: personal data out of a conversation, and the placeholders that stand for them
 * outside. "[EMAIL_2]" is the second e-mail address of the conversation, wherever it stands.
 * What modules are shown is veiled; what a model says is turned back for the customer, however
 * it is cut into pieces. What looks like a placeholder and is none of ours is text. Pure.
 *
 * A value is known by its kind and its bytes. Numbers are given by first appearance; those that
 * the conversation has given before (a checksum of the value says so) are kept.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

enum { BATON_VEIL_TYPE_MAX = 31, BATON_VEIL_BYTES_MAX = 48 /* of a placeholder */ };

struct baton_veil_value {
	baton_str type, value; /* value.p NULL: known by its checksum only */
	uint64_t sum;
	uint32_t number;
	bool fresh; /* its number was given in this turn */
};

struct baton_veil {
	struct baton_arena *arena; /* of all strings */
	struct baton_veil_value *v;
	size_t n, cap, n_valued;
	uint64_t seed; /* of the conversation: the same value has another checksum elsewhere */
};

/* A number that was given before. */
void baton_veil_remember(struct baton_veil *veil, baton_str type, uint32_t number, uint64_t sum);
/* Appends the placeholder of a value; past BATON_SECRETS_KEPT_MAX values "[TYPE]", which nobody
 * turns back. */
void baton_veil_put(struct baton_veil *veil, baton_str type, baton_str value,
		    struct baton_buf *out);
/* Appends the text with all values in it that are known replaced; very short ones are left, they
 * could stand anywhere. */
void baton_veil_known(const struct baton_veil *veil, baton_str text, struct baton_buf *out);
bool baton_veil_knows(const struct baton_veil *veil, baton_str value);

/* --- back --- */

struct baton_unveil {
	char held[BATON_VEIL_BYTES_MAX]; /* may be the beginning of a placeholder */
	size_t n;
};

/* Appends what is certain by now, with placeholders turned back. */
void baton_unveil_take(struct baton_unveil *unveil, const struct baton_veil *veil, baton_str text,
		       struct baton_buf *out);
/* The text is over: what is held was text. */
void baton_unveil_end(struct baton_unveil *unveil, struct baton_buf *out);

/* A whole JSON text. `types` NULL: all kinds, else only these. Values are written as JSON has
 * them. */
void baton_unveil_json(const struct baton_veil *veil, baton_str json, const char *const *types,
		       size_t n_types, struct baton_buf *out);
