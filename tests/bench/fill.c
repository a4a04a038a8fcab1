/* SPDX-License-Identifier: Apache-2.0 */

/* Fills a data folder with sessions as a server would have left them, through the journal itself:
 * opened, disclosed, asked, answered; nothing open. For what a start costs with much on the disk.
 *
 *   fill DATA SESSIONS TOUCH     writes DATA/journal, and DATA/sessions: TOUCH of the sessions,
 *                                spread evenly, with the tokens that let `load resume` in
 *
 * Like a killed server it does not close the journal: what is written behind is left undone. */

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/journal/journal.h"
#include "core/session/event.h"
#include "tests/bench/kit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORDS = 4, UNDER_WAY_MAX = 20000 };

static const uint64_t BORN_MS = 1700000000000;
static struct baton_lane *lane;
static sem_t woken;
static size_t under_way;

static void wake(void *ud)
{
	sem_post(ud);
}

static void committed(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	(void)ud;
	(void)ticket;
	(void)position;
	if (rc < 0)
		kit_fail(baton_error_info(rc)->text);
	under_way--;
}

static void wait_until(size_t most)
{
	while (under_way > most) {
		sem_wait(&woken);
		baton_lane_poll(lane);
	}
}

/* Ids that differ in all their bytes, as the server's do. */
static struct baton_id session_id(uint64_t i)
{
	uint8_t random[10];
	uint64_t mixed = (i + 1) * 0x9e3779b97f4a7c15u;

	memcpy(random, &mixed, 8);
	memcpy(random + 8, &i, 2);
	return baton_id_make(BORN_MS + i, random);
}

static void make_events(struct baton_event events[RECORDS])
{
	memset(events, 0, RECORDS * sizeof(*events));
	events[0].type = BATON_EV_SESSION_OPENED;
	events[0].session_opened.channel = BATON_STR("web");
	events[0].session_opened.locale = BATON_STR("en");
	events[1].type = BATON_EV_DISCLOSURE_MADE;
	events[1].disclosure_made.text = BATON_STR("You are talking to an AI assistant.");
	events[2].type = BATON_EV_MESSAGE_RECEIVED;
	events[2].message_received.client_id = BATON_STR("m1");
	events[2].message_received.text =
		BATON_STR("How long does standard delivery take if I order a lamp today?");
	events[3].type = BATON_EV_ANSWER_GENERATED;
	events[3].answer_generated.turn = 3;
	events[3].answer_generated.text =
		BATON_STR("Standard delivery takes three to five working days. Furniture comes by"
			  " appointment, and we will write to you as soon as your order has left.");
}

static void append(uint64_t i, const struct baton_buf payloads[RECORDS],
		   const struct baton_event events[RECORDS])
{
	struct baton_record records[RECORDS];
	struct baton_append op = { .session = session_id(i),
				   .records = records,
				   .n_records = RECORDS };

	for (size_t k = 0; k < RECORDS; k++)
		records[k] = (struct baton_record){ .seq = k + 1,
						    .unix_ms = BORN_MS + i,
						    .type = events[k].type,
						    .payload = baton_buf_view(&payloads[k]) };
	int rc = baton_lane_append(lane, &op, i);
	if (rc < 0)
		kit_fail(baton_error_info(rc)->text);
	under_way++;
	baton_lane_forget(lane, &op.session);
}

/* The proof that a client holds of its session: HMAC of the id, base64url. */
static void token(const uint8_t secret[32], const struct baton_id *id, char text[49])
{
	uint8_t mac[32];

	HMAC(EVP_sha256(), secret, 32, id->b, sizeof(id->b), mac, NULL);
	EVP_EncodeBlock((unsigned char *)text, mac, sizeof(mac));
	for (int i = 0; i < 43; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	text[43] = '\0';
}

static void write_sessions(struct baton_journal *journal, const char *data, uint64_t n,
			   uint64_t touch)
{
	char path[4200], id_text[BATON_ID_TEXT + 1], token_text[49];
	uint8_t secret[32];

	snprintf(path, sizeof(path), "%s/sessions", data);
	FILE *file = fopen(path, "we");
	if (!file || RAND_bytes(secret, sizeof(secret)) != 1)
		kit_fail(path);
	int rc = baton_journal_put(journal, BATON_STR("server/secret"),
				   (baton_str){ (const char *)secret, sizeof(secret) });
	if (rc < 0)
		kit_fail(baton_error_info(rc)->text);
	for (uint64_t i = 0; i < touch && n > 0; i++) {
		struct baton_id id = session_id(i * (n / touch) + n / touch / 2);
		baton_id_text(&id, id_text);
		token(secret, &id, token_text);
		fprintf(file, "%s %s 0\n", id_text, token_text);
	}
	fclose(file);
}

static struct baton_journal *open_journal(const char *data)
{
	char path[4200], key_path[4200];
	struct baton_journal *journal;
	struct baton_journal_options options = { .path = path, .key_path = key_path };
	struct baton_lane_events events = { &woken, wake, committed };

	snprintf(path, sizeof(path), "%s/journal", data);
	snprintf(key_path, sizeof(key_path), "%s/master.key", data);
	int rc = baton_journal_open(&options, &journal);
	if (rc == 0)
		rc = baton_lane_open(journal, &events, &lane);
	if (rc < 0)
		kit_fail(baton_error_info(rc)->text);
	return journal;
}

int main(int argc, char **argv)
{
	struct baton_event events[RECORDS];
	struct baton_buf payloads[RECORDS] = { { NULL, 0, 0 } };

	if (argc != 4)
		kit_usage("fill DATA SESSIONS TOUCH");
	uint64_t n = strtoull(argv[2], NULL, 10), touch = strtoull(argv[3], NULL, 10);
	if (touch > n)
		kit_usage("fill DATA SESSIONS TOUCH: no more touched than there are");
	sem_init(&woken, 0, 0);
	struct baton_journal *journal = open_journal(argv[1]);
	make_events(events);
	for (size_t k = 0; k < RECORDS; k++)
		baton_event_json(&events[k], BATON_AUDIENCE_AGENT, &payloads[k]);
	for (uint64_t i = 0; i < n; i++) {
		append(i, payloads, events);
		if (under_way >= UNDER_WAY_MAX)
			wait_until(UNDER_WAY_MAX / 2);
	}
	wait_until(0);
	write_sessions(journal, argv[1], n, touch);
	_exit(0);
}
