/* SPDX-License-Identifier: Apache-2.0 */

/* A conversation as its customer may see it: text, a page without a script, or JSON. Read from the
 * log page by page on a pool thread, so a long one costs neither memory nor a loop.
 *
 * What is not for customers is never read out of an event here: events by their audience, fields by
 * theirs. Times are UTC, because the server does not know where the reader sits. */
#include "core/server/worker.h"

#include "core/base/errors.h"

#include <stdio.h>
#include <time.h>

enum { PAGE_EVENTS = 256, PAGE_BYTES = 256 * 1024 };

#define STYLE                                                                                      \
	"body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}" \
	"li{list-style:none;margin:0 0 1rem}ol{padding:0}p{margin:.2rem 0;white-space:pre-wrap;"   \
	"overflow-wrap:anywhere}time,small{color:#555}.note p{font-style:italic}"
#define STYLE_SHA "gBRR1Ml6x6QrjLrg4HNNDyQSEZboo7ACtIT5kvRZjPE="
#define PAGE_CSP \
	"default-src 'none'; style-src 'sha256-" STYLE_SHA "'; form-action 'none'; base-uri 'none'"

struct baton_script {
	struct baton_journal *journal;
	struct baton_lane *lane;
	struct baton_id session;
	enum baton_script_format format;
	uint64_t seq; /* the newest record read */
	unsigned n;   /* records of this page */
	bool begun;   /* the head is out */
	bool has_row; /* something was told: JSON needs a comma */
	struct baton_buf *out;
};

const char *baton_script_csp(enum baton_script_format format)
{
	return format == BATON_SCRIPT_HTML ? PAGE_CSP "; frame-ancestors 'none'; sandbox"
					   : "default-src 'none'; frame-ancestors 'none'; sandbox";
}

struct baton_script *baton_port_script(struct baton_port *port, const struct baton_id *session,
				       enum baton_script_format format)
{
	struct baton_script *script = baton_new(struct baton_script);

	script->journal = port->worker->server->journal;
	script->session = *session;
	script->format = format;
	return script;
}

void baton_script_free(struct baton_script **script)
{
	if (!*script)
		return;
	if ((*script)->lane)
		baton_lane_close(&(*script)->lane);
	baton_free(*script);
	*script = NULL;
}

/* --- who says what ------------------------------------------------------------------------- */

struct row {
	const char *who;  /* static, or "" */
	baton_str name;   /* of a person, instead of `who` */
	baton_str text;   /* as it was said */
	const char *note; /* instead of words */
	char file[64];    /* behind the text: type and size of a file */
};

static void row_file(const struct baton_ev_attachment_added *file, struct row *row)
{
	row->who = baton_str_is(file->by, "customer") ? "You sent a file" : "File from our team";
	row->text = file->name;
	(void)snprintf(row->file, sizeof(row->file), "%.*s, %llu bytes",
		       (int)(file->media_type.n < 40 ? file->media_type.n : 40),
		       file->media_type.n ? file->media_type.p : "",
		       (unsigned long long)file->bytes);
}

/* What Baton itself said. */
static bool row_of_notice(const struct baton_event *event, struct row *row)
{
	switch ((int)event->type) {
	case BATON_EV_DISCLOSURE_MADE:
		row->text = event->disclosure_made.text;
		return true;
	case BATON_EV_CASE_QUEUED:
		row->text = event->case_queued.text;
		return true;
	case BATON_EV_HANDBACK_APPROVED:
		row->text = event->handback_approved.text;
		return true;
	case BATON_EV_MODE_ENTERED:
		row->text = event->mode_entered.text;
		return true;
	case BATON_EV_MESSAGE_CAPTURED:
		row->text = event->message_captured.text;
		return true;
	case BATON_EV_AUTOMATION_RESUMED:
		row->text = event->automation_resumed.text;
		return true;
	case BATON_EV_HUMAN_OFFERED:
		row->text = event->human_offered.text;
		return true;
	case BATON_EV_CASE_TRANSFERRED:
		row->text = event->case_transferred.text;
		return true;
	case BATON_EV_TICKET_LEFT:
		row->text = event->ticket_left.text;
		return true;
	default:
		return false;
	}
}

/* False: nothing to show of it. */
static bool row_of(const struct baton_event *event, struct row *row)
{
	*row = (struct row){ .who = "" };
	if (row_of_notice(event, row))
		return row->text.n > 0;
	switch ((int)event->type) {
	case BATON_EV_MESSAGE_RECEIVED:
		row->who = "You";
		row->text = event->message_received.text;
		return true;
	case BATON_EV_ANSWER_GENERATED:
		row->who = "Assistant (AI)";
		row->text = event->answer_generated.text;
		return true;
	case BATON_EV_HUMAN_MESSAGE:
		row->name = event->human_message.agent_name;
		row->who = "Our team";
		row->text = event->human_message.text;
		return true;
	case BATON_EV_ATTACHMENT_ADDED:
		row_file(&event->attachment_added, row);
		return true;
	case BATON_EV_ANSWER_SUPERSEDED:
		row->note = "The assistant began an answer and withdrew it.";
		return true;
	case BATON_EV_CASE_CLAIMED:
		row->name = event->case_claimed.agent_name;
		row->who = "Our team";
		row->note = "joined the conversation.";
		return true;
	case BATON_EV_CASE_RELEASED:
		row->note = "The conversation waits for a colleague.";
		return true;
	case BATON_EV_SESSION_RESOLVED:
		row->note = "The conversation was closed.";
		return true;
	default:
		return false;
	}
}

/* --- how it is written --------------------------------------------------------------------- */

static void put_time(struct baton_buf *out, uint64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		baton_buf_z(out, text);
}

/* Text that must not become markup. */
static void put_html(struct baton_buf *out, baton_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '<':
			baton_buf_z(out, "&lt;");
			break;
		case '>':
			baton_buf_z(out, "&gt;");
			break;
		case '&':
			baton_buf_z(out, "&amp;");
			break;
		case '"':
			baton_buf_z(out, "&quot;");
			break;
		case '\'':
			baton_buf_z(out, "&#39;");
			break;
		default:
			baton_buf_add(out, s.p + i, 1);
		}
	}
}

static baton_str who_of(const struct row *row)
{
	return row->name.n > 0 ? row->name : baton_str_of(row->who);
}

/* Lines behind the first are set in, so that nobody can write a line that looks like another's. */
static void put_text(struct baton_buf *out, const struct row *row, uint64_t unix_ms)
{
	baton_str who = who_of(row), text = row->note ? baton_str_of(row->note) : row->text;

	put_time(out, unix_ms);
	baton_buf_z(out, "  ");
	baton_buf_str(out, who);
	baton_buf_z(out, who.n == 0 ? "" : row->note ? " " : ": ");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\r')
			continue;
		baton_buf_add(out, text.p + i, 1);
		if (text.p[i] == '\n')
			baton_buf_z(out, "                      ");
	}
	if (row->file[0])
		baton_buf_printf(out, " (%s)", row->file);
	baton_buf_z(out, "\n");
}

static void put_row(struct baton_buf *out, const struct row *row, uint64_t unix_ms)
{
	baton_buf_z(out, row->note ? "<li class=\"note\"><time>" : "<li><time>");
	put_time(out, unix_ms);
	baton_buf_z(out, "</time> <b>");
	put_html(out, who_of(row));
	baton_buf_z(out, "</b><p dir=\"auto\">");
	put_html(out, row->note ? baton_str_of(row->note) : row->text);
	baton_buf_z(out, "</p>");
	if (row->file[0]) {
		baton_buf_z(out, "<small>");
		put_html(out, baton_str_of(row->file));
		baton_buf_z(out, "</small>");
	}
	baton_buf_z(out, "</li>\n");
}

static void put_event(struct baton_script *script, const struct baton_event *event)
{
	struct baton_buf *out = script->out;

	baton_buf_printf(out, "%s{\"seq\":%llu,\"ts\":%llu,\"time\":\"",
			 script->has_row ? ",\n" : "", (unsigned long long)event->seq,
			 (unsigned long long)event->unix_ms);
	put_time(out, event->unix_ms);
	baton_buf_printf(out, "\",\"type\":\"%s\",\"data\":", baton_event_info(event->type)->name);
	baton_event_json(event, BATON_AUDIENCE_CUSTOMER, out);
	baton_buf_z(out, "}");
	script->has_row = true;
}

static void put_head(struct baton_script *script)
{
	struct baton_buf *out = script->out;
	char id[BATON_ID_TEXT + 1];

	baton_id_text(&script->session, id);
	switch (script->format) {
	case BATON_SCRIPT_TEXT:
		baton_buf_printf(out, "Conversation %s\nAll times are UTC.\n\n", id);
		break;
	case BATON_SCRIPT_HTML:
		baton_buf_printf(
			out,
			"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta"
			" http-equiv=\"Content-Security-Policy\" content=\"%s\">\n<meta name=\"viewport\""
			" content=\"width=device-width\">\n<title>Conversation</title>\n<style>%s</style>"
			"</head>\n<body><h1>Conversation</h1>\n<p>%s, all times are UTC.</p>\n<ol>\n",
			PAGE_CSP, STYLE, id);
		break;
	case BATON_SCRIPT_JSON:
		baton_buf_printf(out, "{\"session\":\"%s\",\"events\":[\n", id);
		break;
	}
}

static void put_foot(struct baton_script *script)
{
	if (script->format == BATON_SCRIPT_HTML)
		baton_buf_z(script->out, "</ol></body></html>\n");
	if (script->format == BATON_SCRIPT_JSON)
		baton_buf_z(script->out, "\n]}\n");
}

/* --- reading ------------------------------------------------------------------------------- */

static bool put_record(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct baton_script *script = ud;
	const struct baton_event_info *info = baton_event_info(record->type);
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct baton_arena arena = { NULL, 0 };
	struct row row;

	(void)session;
	script->seq = record->seq;
	script->n++;
	if (info && info->for_customers &&
	    baton_event_parse(record->type, record->payload, &arena, &event) == 0) {
		if (script->format == BATON_SCRIPT_JSON)
			put_event(script, &event);
		else if (row_of(&event, &row) && script->format == BATON_SCRIPT_TEXT)
			put_text(script->out, &row, event.unix_ms);
		else if (row_of(&event, &row))
			put_row(script->out, &row, event.unix_ms);
	}
	baton_arena_done(&arena);
	return script->out->n < PAGE_BYTES;
}

static void no_wake(void *ud)
{
	(void)ud;
}

static void no_commit(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	(void)ud;
	(void)ticket;
	(void)rc;
	(void)position;
}

int baton_script_next(struct baton_script *script, struct baton_buf *out, bool *ret_last)
{
	struct baton_lane_events events = { NULL, no_wake, no_commit };
	int rc = script->lane ? 0 : baton_lane_open(script->journal, &events, &script->lane);

	if (rc < 0)
		return rc;
	script->out = out;
	script->n = 0;
	size_t at = out->n;
	if (!script->begun)
		put_head(script);
	int64_t told = baton_lane_read(script->lane, &script->session, script->seq, PAGE_EVENTS,
				       put_record, script);
	if (told < 0) {
		out->n = at;
		return (int)told;
	}
	script->begun = true;
	*ret_last = script->n < PAGE_EVENTS && out->n < PAGE_BYTES;
	if (*ret_last)
		put_foot(script);
	return 0;
}
