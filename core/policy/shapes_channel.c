/* SPDX-License-Identifier: Apache-2.0 */

/* The table of channel.yaml: where the chat may stand, and what Baton itself says to customers.
 * Each sentence has an English default, so a set without this file can serve; none that a customer
 * must hear can be empty.
 */

#include "core/policy/shapes_table.h"

static const struct baton_field say_fields[] = {
	{ "disclosure", BATON_FIELD_TEXT, AT(struct baton_policy, say_disclosure), .max = TEXT_MAX,
	  .min = 1,
	  .otherwise =
		  "You are chatting with an AI assistant. You can ask for a person at any time.",
	  .doc = "Says that this is an AI. Cannot be empty." },
	{ "greeting", BATON_FIELD_TEXT, AT(struct baton_policy, say_greeting), .max = TEXT_MAX,
	  .otherwise = "Hello! How can we help?", .doc = "The first line of the chat." },
	{ "handed_over", BATON_FIELD_TEXT, AT(struct baton_policy, say_handed_over),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "I am passing you to a colleague, who can see everything you have written. "
		       "You will not have to repeat anything.",
	  .doc = "When the conversation goes to a person." },
	{ "handed_back", BATON_FIELD_TEXT, AT(struct baton_policy, say_handed_back),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "The assistant is with you again. You can ask for a person at any time.",
	  .doc = "When an agent gives the conversation back." },
	{ "draft_pending", BATON_FIELD_TEXT, AT(struct baton_policy, say_draft_pending),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "Thank you. A colleague is looking over the answer and will send it here.",
	  .doc = "When a draft waits for a person." },
	{ "resumed", BATON_FIELD_TEXT, AT(struct baton_policy, say_resumed), .max = TEXT_MAX,
	  .otherwise = "Thank you for waiting. The assistant goes on with your question.",
	  .doc = "When a degraded mode ends and the assistant takes up what had to wait." },
	{ "offer_human", BATON_FIELD_TEXT, AT(struct baton_policy, say_offer_human),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "Would you like to talk to a person? I can pass you to a colleague.",
	  .doc = "When a rule offers a person; the way to one is shown with it." },
	{ "transferred", BATON_FIELD_TEXT, AT(struct baton_policy, say_transferred),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "I am bringing in a colleague who knows more about this. They can see "
		       "everything you have written.",
	  .doc = "When a person passes the conversation to another." },
	{ "ticket", BATON_FIELD_TEXT, AT(struct baton_policy, say_ticket), .max = TEXT_MAX,
	  .min = 1,
	  .otherwise = "Thank you. You do not have to wait here: we will answer you at the address "
		       "you gave. This conversation stays open too.",
	  .doc = "When a customer leaves an address in place of waiting." },
	{ "approval", BATON_FIELD_TEXT, AT(struct baton_policy, say_approval), .max = TEXT_MAX,
	  .min = 1,
	  .otherwise = "This needs a colleague's approval. I am asking for it, and you will hear "
		       "from us here.",
	  .doc = "When what the assistant wants to do waits for a person's leave." },
	{ "lost_agent", BATON_FIELD_TEXT, AT(struct baton_policy, say_lost_agent), .max = TEXT_MAX,
	  .min = 1,
	  .otherwise =
		  "My colleague has lost the connection. Somebody else will go on with you, and "
		  "you keep your place.",
	  .doc = "When the person who was with the customer is gone." },
	{ 0 },
};
static const struct baton_shape say_shape = { "`say`", "Baton's own sentences to customers.",
					      say_fields, 0 };
static const char *const file_types[] = { "image/png",       "image/jpeg",
					  "image/gif",       "image/webp",
					  "application/pdf", "text/plain",
					  "application/zip", NULL };
enum { MIB = 1024 * 1024 };
static const struct baton_field attachment_fields[] = {
	{ "enabled", BATON_FIELD_BOOL, AT(struct baton_policy, attachments.enabled),
	  .otherwise = "false", .doc = "Customers and agents may send files." },
	{ "max_bytes", BATON_FIELD_BYTES, AT(struct baton_policy, attachments.bytes_max),
	  FROM_TO(1024, 64 * MIB), .otherwise = "5MiB", .doc = "The largest file." },
	{ "session_max_bytes", BATON_FIELD_BYTES,
	  AT(struct baton_policy, attachments.session_bytes_max),
	  FROM_TO(1024, (int64_t)1024 * MIB), .otherwise = "25MiB",
	  .doc = "All files of one conversation together; there are at most 20." },
	{ "types", BATON_FIELD_WORD, .flags = BATON_FIELD_MANY,
	  .offset = offsetof(struct baton_policy, attachments.types),
	  .count_offset = offsetof(struct baton_policy, attachments.n_types), .max = 16,
	  .words = file_types,
	  .doc = "What is taken, told by a file's bytes, not by its name. Nothing that is not listed." },
	{ 0 },
};
static const struct baton_shape attachment_shape = { "`attachments`", "Files in a conversation.",
						     attachment_fields, 0 };
static const struct baton_field channel_fields[] = {
	{ "origins", BATON_FIELD_ORIGIN, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy, origins), .max = LISTED_MAX,
	  .doc = "Web pages that may open a chat: exact origins, or `self`." },
	{ "say", BATON_FIELD_MAP, .shape = &say_shape, NOWHERE,
	  .doc = "What Baton itself says; English unless written here." },
	{ "attachments", BATON_FIELD_MAP, .shape = &attachment_shape, NOWHERE,
	  .doc = "Files that customers and agents may send; none unless enabled." },
	{ 0 },
};
const struct baton_shape baton_shape_channel = {
	"channel.yaml", "Where the chat may stand, and what Baton itself says.", channel_fields, 0
};
