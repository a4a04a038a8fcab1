/* SPDX-License-Identifier: Apache-2.0 */

/* A letter is named by its first event and by how many there are. The log never changes its order,
 * so the name says which events they are; a hash could say no more, and would tell nobody anything.
 */
#include "letter.h"

#include "modules/sdk/transcript/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char tail[] = "]}}";
enum { HEAD_BYTES = 128 };

void pile_done(struct pile *pile)
{
	free(pile->text);
	free(pile->ends);
	free(pile->ids);
	free(pile->unix_ms);
	memset(pile, 0, sizeof(*pile));
}

/* A dot would end the id in what is signed. */
static void name(char id[72], const baton_entry *entry)
{
	int n = snprintf(id, 72, "%.*s", (int)(entry->session_id.n < 48 ? entry->session_id.n : 48),
			 entry->session_id.p);

	for (int i = 0; i < n; i++)
		if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'z') ||
		      (id[i] >= 'A' && id[i] <= 'Z') || id[i] == '-'))
			id[i] = '_';
	(void)snprintf(id + n, 72 - (size_t)n, "_%llu", (unsigned long long)entry->seq);
}

bool pile_init(struct pile *pile, const baton_entry *entries, uint32_t n)
{
	size_t room = 0, at = 0;

	memset(pile, 0, sizeof(*pile));
	for (uint32_t i = 0; i < n; i++)
		room += entry_room(&entries[i]) + 1;
	pile->text = malloc(room);
	pile->ends = calloc(n, sizeof(*pile->ends));
	pile->ids = calloc(n, sizeof(*pile->ids));
	pile->unix_ms = calloc(n, sizeof(*pile->unix_ms));
	if (!pile->text || !pile->ends || !pile->ids || !pile->unix_ms) {
		pile_done(pile);
		return false;
	}
	for (; pile->n < n; pile->n++) {
		const baton_entry *entry = &entries[pile->n];

		at += entry_write(pile->text + at, room - at, entry);
		pile->ends[pile->n] = at;
		pile->text[at++] = ',';
		pile->unix_ms[pile->n] = entry->unix_ms;
		name(pile->ids[pile->n], entry);
	}
	return true;
}

static size_t begin_of(const struct pile *pile, uint32_t i)
{
	return i ? pile->ends[i - 1] + 1 : 0;
}

/* The time of the last event, not of the attempt: the body must not change when it is sent again.
 */
static size_t head_write(char head[HEAD_BYTES], uint64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	int n = snprintf(head, HEAD_BYTES,
			 "{\"type\":\"transcript.events\",\"timestamp\":\"%s.%03uZ\",\"data\":{"
			 "\"events\":[",
			 when, (unsigned)(unix_ms % 1000));
	return (size_t)n;
}

bool letter_write(struct letter *letter, const struct pile *pile, uint32_t from,
		  uint32_t max_events, size_t max_bytes)
{
	char head[HEAD_BYTES];
	size_t begin = begin_of(pile, from);
	uint32_t to = from + 1;

	while (to < pile->n && to - from < max_events && pile->ends[to] - begin <= max_bytes)
		to++;
	size_t n_head = head_write(head, pile->unix_ms[to - 1]), n = pile->ends[to - 1] - begin;

	memset(letter, 0, sizeof(*letter));
	letter->body = malloc(n_head + n + sizeof(tail));
	if (!letter->body)
		return false;
	memcpy(letter->body, head, n_head);
	memcpy(letter->body + n_head, pile->text + begin, n);
	memcpy(letter->body + n_head + n, tail, sizeof(tail));
	letter->n_body = n_head + n + sizeof(tail) - 1;
	letter->from = from;
	letter->n = to - from;
	(void)snprintf(letter->id, sizeof(letter->id), "msg_%s_%u", pile->ids[from], letter->n);
	return true;
}

void letter_done(struct letter *letter)
{
	free(letter->body);
	memset(letter, 0, sizeof(*letter));
}
