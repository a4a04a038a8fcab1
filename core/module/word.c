/* SPDX-License-Identifier: Apache-2.0 */

/* What modules say is checked and copied here, and told to the turn from the loop: never from
 * inside the call that started it, so that a turn is never re-entered by a module that answers at
 * once. */
#include "core/base/limits.h"
#include "core/module/host.h"
#include "core/module/rack.h"

enum {
	PPM = 1000000,
	ENTITIES_BYTES_MAX = 4096,
	LANGUAGE_BYTES_MAX = 64,
	TELL_MAX = 1024,
	DOC_FIELD_BYTES_MAX = 4096
};

/* One letter for all the life of a rack, which it may outlive. */
struct baton_wake {
	struct baton_mail mail;
	struct baton_rack *rack; /* NULL: it has gone */
	bool posted;
};

static void tell_some(struct baton_rack *rack);

static void wake_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct baton_wake *wake = (struct baton_wake *)mail;
	wake->posted = false;
	if (!wake->rack)
		baton_free(wake);
	else if (loop)
		tell_some(wake->rack);
}

void baton_rack_wake(struct baton_rack *rack)
{
	if (rack->closed || (rack->wake && rack->wake->posted))
		return;
	if (!rack->wake) {
		rack->wake = baton_new(struct baton_wake);
		rack->wake->mail.deliver = wake_deliver;
		rack->wake->rack = rack;
	}
	rack->wake->posted = true;
	baton_loop_post(rack->loop, &rack->wake->mail);
}

void baton_wake_forget(struct baton_rack *rack)
{
	struct baton_wake *wake = rack->wake;
	rack->wake = NULL;
	if (wake && wake->posted)
		wake->rack = NULL;
	else
		baton_free(wake);
}

struct baton_word *baton_word_new(struct baton_rack *rack, const struct baton_call_state *call,
				  enum baton_word_kind kind, size_t bytes)
{
	struct baton_word *word = baton_alloc(sizeof(*word) + bytes);
	word->handle = call->handle;
	word->ticket = call->ticket;
	word->kind = kind;
	*rack->words_end = word;
	rack->words_end = &word->next;
	baton_rack_wake(rack);
	return word;
}

void baton_word_free(struct baton_word *word)
{
	baton_arena_done(&word->arena);
	baton_free(word);
}

baton_str baton_word_copy(struct baton_word *word, baton_str s)
{
	if (s.n == 0)
		return BATON_STR_NONE;
	return (baton_str){ baton_arena_dup(&word->arena, s.p, s.n), s.n };
}

/* --- checks ------------------------------------------------------------------------------- */

bool baton_word_docs_ok(const baton_doc *docs, size_t n, const char **why)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const baton_doc *d = &docs[i];
		*why = "a document's text is NULL, too long or not UTF-8";
		if (!baton_host_text_ok(d->id, BATON_NAME_BYTES_MAX * 4) ||
		    !baton_host_text_ok(d->title, DOC_FIELD_BYTES_MAX) ||
		    !baton_host_text_ok(d->uri, DOC_FIELD_BYTES_MAX) ||
		    !baton_host_text_ok(d->snippet, BATON_ANSWER_BYTES_MAX) ||
		    !baton_host_text_ok(d->version, BATON_NAME_BYTES_MAX * 4))
			return false;
		*why = "a document without id";
		if (d->id.n == 0)
			return false;
		*why = "a document's score_ppm above 1000000";
		if (d->score_ppm > PPM)
			return false;
		bytes += d->snippet.n;
	}
	*why = "documents of more than BATON_RECORD_BYTES_MAX";
	return bytes <= BATON_RECORD_BYTES_MAX;
}

bool baton_word_intents_ok(const baton_intents *intents, size_t cap, const char **why)
{
	*why = "more intents than there is room for";
	if (intents->n > cap)
		return false;
	*why = "intents counted, but none given";
	if (intents->n > 0 && !intents->v)
		return false;
	*why = "language is NULL, too long or not UTF-8";
	if (!baton_host_text_ok(intents->language, LANGUAGE_BYTES_MAX))
		return false;
	*why = "sentiment_ppm, out_of_scope_ppm or human_ppm above 1000000";
	if (intents->sentiment_ppm > PPM || intents->out_of_scope_ppm > PPM ||
	    intents->human_ppm > PPM)
		return false;
	for (uint32_t i = 0; i < intents->n; i++) {
		const baton_intent *v = &intents->v[i];
		*why = "an intent's name is empty, too long or not UTF-8";
		if (v->name.n == 0 || !baton_host_text_ok(v->name, BATON_NAME_BYTES_MAX))
			return false;
		*why = "confidence_ppm above 1000000";
		if (v->confidence_ppm > PPM)
			return false;
		*why = "entities_json is NULL, too long or not UTF-8";
		if (!baton_host_text_ok(v->entities_json, ENTITIES_BYTES_MAX))
			return false;
	}
	return true;
}

void baton_word_take_docs(struct baton_word *word, const baton_doc *docs, size_t n)
{
	word->n = (uint32_t)n;
	word->docs = baton_arena_alloc(&word->arena, n * sizeof(*docs));
	for (size_t i = 0; i < n; i++) {
		baton_doc *to = &word->docs[i];
		*to = docs[i];
		to->id = baton_word_copy(word, docs[i].id);
		to->title = baton_word_copy(word, docs[i].title);
		to->uri = baton_word_copy(word, docs[i].uri);
		to->snippet = baton_word_copy(word, docs[i].snippet);
		to->version = baton_word_copy(word, docs[i].version);
	}
}

/* The view becomes a copy in `room`, NUL behind it; returns where the next one goes. */
static char *take_text(char *room, baton_str *s)
{
	if (s->n == 0) {
		*s = BATON_STR_NONE;
		return room;
	}
	memcpy(room, s->p, s->n);
	room[s->n] = '\0';
	s->p = room;
	return room + s->n + 1;
}

/* All in one piece: the intents, and behind them their texts. */
void baton_word_take_intents(struct baton_word *word, const baton_intents *intents)
{
	baton_intents *to = &word->intents;
	size_t bytes = intents->language.n + 1;
	for (uint32_t i = 0; i < intents->n; i++)
		bytes += intents->v[i].name.n + intents->v[i].entities_json.n + 2;
	*to = *intents;
	to->size = sizeof(*to);
	to->cap = to->n;
	to->v = baton_arena_take(&word->arena, to->n * sizeof(*to->v) + bytes);
	char *room = take_text((char *)(to->v + to->n), &to->language);
	for (uint32_t i = 0; i < to->n; i++) {
		to->v[i] = intents->v[i];
		room = take_text(room, &to->v[i].name);
		room = take_text(room, &to->v[i].entities_json);
	}
}

void baton_word_take_result(struct baton_word *word, const baton_tool_result *result)
{
	baton_tool_result *to = &word->result;
	bool is_no = (result->flags & BATON_TOOL_NO) != 0;
	*to = (baton_tool_result){ .size = sizeof(*to),
				   .flags = result->flags & (BATON_TOOL_NO | BATON_TOOL_CACHED) };
	to->json = result->json.n > 0 ? baton_word_copy(word, result->json) : BATON_STR("null");
	to->code = is_no ? baton_word_copy(word, result->code) : BATON_STR_NONE;
	to->http_status = result->http_status < 1000 ? result->http_status : 0;
	to->tries = result->tries;
}

/* --- telling ------------------------------------------------------------------------------ */

static void tell(const struct baton_rack_events *to, const struct baton_word *w)
{
	switch (w->kind) {
	case BATON_WORD_INTENTS:
		to->intents(to->ud, w->ticket, &w->intents);
		return;
	case BATON_WORD_DOCS:
		to->docs(to->ud, w->ticket, w->docs, w->n);
		return;
	case BATON_WORD_RESULT:
		if (to->tool)
			to->tool(to->ud, w->ticket, &w->result);
		return;
	case BATON_WORD_DELTA:
		/* Empty: only the beginning of a character came, or it is the kind that says it. */
		if (to->whole && w->is_whole && w->n == BATON_DELTA_TEXT && w->data.n > 0)
			to->whole(to->ud, w->ticket, w->data);
		else if (w->data.n > 0 || w->n == BATON_DELTA_UNKNOWN)
			to->delta(to->ud, w->ticket, w->n, w->data);
		return;
	case BATON_WORD_USAGE:
		to->usage(to->ud, w->ticket, &w->usage);
		return;
	case BATON_WORD_END:
		to->end(to->ud, w->ticket, w->n);
		return;
	case BATON_WORD_FAIL:
		to->fail(to->ud, w->ticket, &w->error);
		return;
	}
}

static struct baton_word *pop(struct baton_rack *rack)
{
	struct baton_word *word = rack->words;
	rack->words = word->next;
	if (!rack->words)
		rack->words_end = &rack->words;
	return word;
}

/* While the module has not ended it, its handle says where it is. */
static struct baton_call_state *open_call(const struct baton_rack *rack,
					  const struct baton_word *word)
{
	uint32_t i = (uint32_t)word->handle - 1;
	struct baton_call_state *call = i < rack->n_slots ? rack->slots[i].call : NULL;
	return call && call->handle == word->handle && call->listed ? call : NULL;
}

/* true: the turn still waits for it. The end takes the call off the turn's side before it is told,
 * so that the turn may use the ticket's number again. */
static bool still_wanted(struct baton_rack *rack, struct baton_word *word)
{
	struct baton_call_state *call = open_call(rack, word);
	if (!call)
		call = baton_call_listed(rack, word->ticket);
	if (!call || call->handle != word->handle)
		return false;
	word->is_whole = call->finished && call->texts == 1;
	if (word->kind == BATON_WORD_END || word->kind == BATON_WORD_FAIL) {
		HASH_DEL(rack->listed, call);
		call->listed = false;
		if (!call->open && !call->fenced)
			baton_free(call);
	}
	return true;
}

static void tell_first(struct baton_rack *rack)
{
	struct baton_word *word = pop(rack);
	if (still_wanted(rack, word))
		tell(&rack->events, word);
	baton_word_free(word);
}

static void tell_some(struct baton_rack *rack)
{
	rack->telling++;
	for (int i = 0; i < TELL_MAX && rack->words; i++)
		tell_first(rack);
	rack->telling--;
	if (rack->closed && rack->telling == 0) {
		baton_rack_drop(rack);
		return;
	}
	baton_rack_settle(rack);
	if (rack->words)
		baton_rack_wake(rack);
}

void baton_call_tell_all(struct baton_rack *rack)
{
	while (rack->words)
		tell_first(rack);
}
