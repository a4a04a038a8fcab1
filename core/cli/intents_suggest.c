/* SPDX-License-Identifier: Apache-2.0 */

/* baton intents suggest: which messages of the journal would teach the classifier most if
 * somebody said what they mean: those that it is unsure of now, those that seem to belong to
 * nothing, and those where a person rejected what the bot had made of them. Each text once,
 * the most useful first. */

#include "core/cli/intents.h"

#include "core/base/errors.h"
#include "core/base/table.h"
#include "core/cli/report.h"
#include "core/journal/journal.h"
#include "core/loop/loop.h"
#include "core/session/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	READ_AT_ONCE = 4096,
	MESSAGES_MAX = 50000,
	SESSIONS_MAX = 200000,
	TEXT_BYTES_MAX = 500, /* nobody learns from a page */
	WORDS_MIN = 2,
	SHOWN_MAX = 30,
	JSON_MAX = 500
};

/* A text that was written, perhaps often. */
struct message {
	UT_hash_handle hh;
	char *key; /* small letters and single spaces */
	char *text;
	char session[BATON_ID_TEXT + 1]; /* where it was written last */
	unsigned times, overridden, disliked;
	struct intents_said now;
	double score;
};
/* The newest message of a conversation, which later events may be about. */
struct talk {
	UT_hash_handle hh;
	struct baton_id id;
	struct message *message;
};

struct suggesting {
	const struct cli_options *options;
	struct baton_policy *policy;
	struct baton_arena arena;
	struct message *messages;
	struct talk *talks;
	uint64_t since_ms, until_ms, read;
	struct message **best;
	size_t n;
};

/* --- the journal --- */

static size_t key_of(baton_str text, char key[TEXT_BYTES_MAX + 1], unsigned *ret_words)
{
	size_t n = 0;

	*ret_words = 0;
	for (size_t i = 0; i < text.n && n < TEXT_BYTES_MAX; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool letter = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			      (c >= 'A' && c <= 'Z');

		if (letter) {
			*ret_words += n == 0 || key[n - 1] == ' ';
			key[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
		} else if (n > 0 && key[n - 1] != ' ') {
			key[n++] = ' ';
		}
	}
	while (n > 0 && key[n - 1] == ' ')
		n--;
	key[n] = '\0';
	return n;
}

static struct message *message_of(struct suggesting *s, const struct baton_id *session,
				  baton_str text)
{
	char key[TEXT_BYTES_MAX + 1];
	struct message *message;
	unsigned words;
	size_t n = text.n <= TEXT_BYTES_MAX ? key_of(text, key, &words) : 0;

	if (n == 0 || words < WORDS_MIN)
		return NULL;
	HASH_FIND(hh, s->messages, key, n, message);
	if (!message && HASH_COUNT(s->messages) < MESSAGES_MAX) {
		message = baton_new(struct message);
		message->key = baton_arena_dup(&s->arena, key, n);
		message->text = baton_arena_dup(&s->arena, text.p, text.n);
		HASH_ADD_KEYPTR(hh, s->messages, message->key, n, message);
	}
	if (message) {
		message->times++;
		baton_id_text(session, message->session);
	}
	return message;
}

static struct talk *talk_of(struct suggesting *s, const struct baton_id *id)
{
	struct talk *talk;

	HASH_FIND(hh, s->talks, id, sizeof(*id), talk);
	if (!talk && HASH_COUNT(s->talks) < SESSIONS_MAX) {
		talk = baton_new(struct talk);
		talk->id = *id;
		HASH_ADD(hh, s->talks, id, sizeof(talk->id), talk);
	}
	return talk;
}

static void hear(struct suggesting *s, const struct baton_id *session,
		 const struct baton_event *event)
{
	struct talk *talk = talk_of(s, session);

	if (!talk)
		return;
	switch ((int)event->type) {
	case BATON_EV_MESSAGE_RECEIVED:
		talk->message = message_of(s, session, event->message_received.text);
		break;
	case BATON_EV_DRAFT_REVIEWED:
		if (talk->message && (baton_str_is(event->draft_reviewed.action, "rejected") ||
				      event->draft_reviewed.edit_ppm > 500000))
			talk->message->overridden++;
		break;
	case BATON_EV_FEEDBACK_GIVEN:
		if (talk->message && baton_str_is(event->feedback_given.value, "down"))
			talk->message->disliked++;
		break;
	}
}

static bool feed(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct suggesting *s = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };

	s->read++;
	if (record->unix_ms >= s->since_ms && record->unix_ms <= s->until_ms &&
	    record->payload.n > 0 &&
	    baton_event_parse(record->type, record->payload, &arena, &event) == 0)
		hear(s, session, &event);
	baton_arena_done(&arena);
	return true;
}

static int read_journal(struct suggesting *s)
{
	char path[4096], key[4096];
	const struct baton_journal_options options = { .path = path,
						       .key_path = key,
						       .read_only = true };
	struct baton_journal *journal = NULL;

	snprintf(path, sizeof(path), "%s/journal", s->options->data);
	snprintf(key, sizeof(key), "%s/master.key", s->options->data);
	int64_t rc = baton_journal_open(&options, &journal);
	uint64_t at = 0, end = rc == 0 ? baton_journal_last_position(journal) : 0;

	while (rc >= 0 && at < end) {
		uint64_t last = at;

		rc = baton_journal_follow(journal, at, READ_AT_ONCE, feed, s, &last);
		if (rc == BATON_E_CORRUPT && last > at)
			rc = 0;
		else if (rc == 0)
			break;
		at = last;
	}
	if (journal)
		baton_journal_close(&journal);
	if (rc < 0)
		fprintf(stderr, "baton: the journal in %s cannot be read: %s\n", path,
			rc == BATON_E_NOTFOUND
				? "nothing was ever written to it; name its folder with --data"
				: baton_error_info((int)rc)->text);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

/* --- the classifier --- */

/* What it was taught already it need not be taught again. */
static void forget_examples(struct suggesting *s)
{
	for (size_t i = 0; i < s->policy->n_intents; i++) {
		const struct baton_intent_def *intent = &s->policy->intents[i];

		for (size_t k = 0; k < intent->n_examples; k++) {
			char key[TEXT_BYTES_MAX + 1];
			unsigned words;
			size_t n = key_of(baton_str_of(intent->examples[k]), key, &words);
			struct message *message;

			HASH_FIND(hh, s->messages, key, n, message);
			if (message)
				message->times = 0;
		}
	}
}

static bool is_unsure(const struct message *m)
{
	return m->now.ppm < 2 * m->now.second_ppm || (m->now.ppm < 700000);
}

/* How much it would teach: doubt between two counts most, then what fits nothing; what people
 * objected to counts whatever the classifier thinks of it; often is worth more than once. */
static double score_of(const struct message *m)
{
	double p = m->now.ppm / 1e6, second = m->now.second_ppm / 1e6;
	double doubt = 1 - (p - second), foreign = m->now.out_of_scope_ppm / 1e6;
	double often = 1;

	for (unsigned n = m->times; n > 1; n /= 2)
		often += 0.25;
	return often * (doubt + 0.4 * foreign * (1 - foreign) * 4 + 0.3 * foreign) +
	       1.0 * (m->overridden > 0) + 0.5 * (m->disliked > 0);
}

static int by_score(const void *left, const void *right)
{
	const struct message *l = *(struct message *const *)left,
			     *r = *(struct message *const *)right;

	if (l->score != r->score)
		return (l->score < r->score) - (l->score > r->score);
	return strcmp(l->key, r->key);
}

static int judge(struct suggesting *s)
{
	struct intents_model model;
	struct message *message, *next;
	int rc = intents_open(s->options, s->policy, 0, 0, &model);

	if (rc != CLI_OK)
		return rc;
	s->best = baton_alloc((HASH_COUNT(s->messages) + 1) * sizeof(*s->best));
	HASH_ITER(hh, s->messages, message, next) {
		if (message->times == 0)
			continue;
		if (intents_ask(&model, baton_str_of(message->text), &message->now) < 0) {
			fprintf(stderr, "baton: the classifier did not answer\n");
			rc = CLI_FAILED;
			break;
		}
		message->score = score_of(message);
		if (is_unsure(message) || message->now.out_of_scope_ppm >= 500000 ||
		    message->overridden > 0 || message->disliked > 0)
			s->best[s->n++] = message;
	}
	intents_close(&model);
	qsort(s->best, s->n, sizeof(struct message *), by_score);
	return rc;
}

/* --- shown --- */

static const char *why(const struct message *m)
{
	return m->overridden > 0                   ? "a person rejected or rewrote the answer"
	       : m->disliked > 0                   ? "the customer did not like the answer"
	       : m->now.out_of_scope_ppm >= 500000 ? "seems to belong to no intent"
						   : "unsure";
}

static void show_text(const struct suggesting *s, struct baton_buf *out)
{
	for (size_t i = 0; i < s->n && i < SHOWN_MAX; i++) {
		const struct message *m = s->best[i];

		baton_buf_printf(out, "\"%s\"%s\n    %s", m->text, "", why(m));
		if (m->times > 1)
			baton_buf_printf(out, ", written %u times", m->times);
		if (m->now.intent[0])
			baton_buf_printf(out, "; %s %.0f %%", m->now.intent, m->now.ppm / 1e4);
		if (m->now.second[0] && m->now.second_ppm >= 50000)
			baton_buf_printf(out, ", %s %.0f %%", m->now.second,
					 m->now.second_ppm / 1e4);
		baton_buf_printf(out, "; none %.0f %%\n", m->now.out_of_scope_ppm / 1e4);
	}
	baton_buf_printf(out,
			 "%zu of %u messages would teach something; add what they are to "
			 "intents/, see docs/INTENTS.md\n",
			 s->n, HASH_COUNT(s->messages));
}

static void show_json(const struct suggesting *s, struct baton_buf *out)
{
	baton_buf_printf(out, "{\"messages\":%u,\"suggestions\":[", HASH_COUNT(s->messages));
	for (size_t i = 0; i < s->n && i < JSON_MAX; i++) {
		const struct message *m = s->best[i];

		baton_buf_z(out, i ? ",{\"text\":" : "{\"text\":");
		baton_buf_json(out, baton_str_of(m->text));
		baton_buf_z(out, ",\"why\":");
		baton_buf_json(out, baton_str_of(why(m)));
		baton_buf_z(out, ",\"intent\":");
		baton_buf_json(out, baton_str_of(m->now.intent));
		baton_buf_z(out, ",\"second\":");
		baton_buf_json(out, baton_str_of(m->now.second));
		baton_buf_printf(out,
				 ",\"confidence_ppm\":%u,\"second_ppm\":%u,"
				 "\"out_of_scope_ppm\":%u,\"times\":%u,\"overridden\":%u,"
				 "\"disliked\":%u,\"score\":%.4f,\"session\":\"%s\"}",
				 m->now.ppm, m->now.second_ppm, m->now.out_of_scope_ppm, m->times,
				 m->overridden, m->disliked, m->score, m->session);
	}
	baton_buf_z(out, "]}\n");
}

static void forget(struct suggesting *s)
{
	struct message *message, *next;
	struct talk *talk, *after;

	HASH_ITER(hh, s->messages, message, next) {
		HASH_DEL(s->messages, message);
		baton_free(message);
	}
	HASH_ITER(hh, s->talks, talk, after) {
		HASH_DEL(s->talks, talk);
		baton_free(talk);
	}
	baton_free(s->best);
	baton_arena_done(&s->arena);
	baton_policy_free(&s->policy);
}

static int window(struct suggesting *s)
{
	uint64_t now = baton_loop_unix_ms();

	s->until_ms = now;
	if (!cli_report_when(s->options->since ? s->options->since : "30d", now, &s->since_ms) ||
	    (s->options->until && !cli_report_when(s->options->until, now, &s->until_ms))) {
		fprintf(stderr, "baton: --since and --until are times such as 24h, 7d or "
				"2026-11-20T08:00Z\n");
		return CLI_USAGE;
	}
	return CLI_OK;
}

int cli_intents_suggest(const struct cli_options *options)
{
	struct suggesting s = { .options = options };
	struct baton_buf out = { NULL, 0, 0 };

	cli_log_to_stderr("error");
	int rc = window(&s);
	if (rc != CLI_OK)
		return rc;
	s.policy = intents_policy(options->policies);
	rc = s.policy ? read_journal(&s) : CLI_FAILED;
	if (rc == CLI_OK) {
		forget_examples(&s);
		rc = judge(&s);
	}
	if (rc == CLI_OK) {
		if (options->json)
			show_json(&s, &out);
		else
			show_text(&s, &out);
		cli_write(STDOUT_FILENO, baton_buf_view(&out));
	}
	baton_buf_done(&out);
	forget(&s);
	return rc;
}
