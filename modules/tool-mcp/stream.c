/* SPDX-License-Identifier: Apache-2.0 */

/* The reader of event streams; see stream.h. WHATWG HTML 9.2, and in one thing stricter: an id that
 * no header can carry back, or that the host would read a secret into, counts as none. */
#include "stream.h"

#include <string.h>

enum { RETRY_DIGITS_MAX = 8, COMPACT_BYTES = 16 * 1024 };

bool stream_add(struct stream *stream, baton_str bytes)
{
	if (stream->at >= COMPACT_BYTES && stream->at * 2 > stream->in.n) {
		memmove(stream->in.p, stream->in.p + stream->at, stream->in.n - stream->at);
		stream->in.n -= stream->at;
		stream->at = 0;
	}
	if (stream->in.n - stream->at + bytes.n > STREAM_BYTES_MAX)
		return false;
	text_add(&stream->in, bytes.p, bytes.n);
	return !stream->in.failed && !stream->data.failed;
}

/* The next line without its end. A CR ends it at once; an LF behind it is part of that end. */
static bool line_next(struct stream *stream, baton_str *ret)
{
	struct text *in = &stream->in;

	if (stream->after_cr && stream->at < in->n) {
		if (in->p[stream->at] == '\n')
			stream->at++;
		stream->after_cr = false;
	}
	for (size_t i = stream->at + stream->seen; i < in->n; i++) {
		if (in->p[i] != '\n' && in->p[i] != '\r')
			continue;
		*ret = (baton_str){ in->p + stream->at, i - stream->at };
		stream->after_cr = in->p[i] == '\r';
		stream->at = i + 1;
		stream->seen = 0;
		return true;
	}
	stream->seen = in->n - stream->at;
	return false;
}

static void id_take(struct stream *stream, baton_str value)
{
	bool ok = value.n <= STREAM_ID_MAX;

	for (size_t i = 0; ok && i < value.n; i++)
		ok = value.p[i] >= ' ' && value.p[i] <= '~' &&
		     !(value.p[i] == '{' && i + 1 < value.n && value.p[i + 1] == '{');
	stream->next_id[0] = '\0';
	if (!ok || value.n == 0)
		return;
	memcpy(stream->next_id, value.p, value.n);
	stream->next_id[value.n] = '\0';
}

static void retry_take(struct stream *stream, baton_str value)
{
	uint32_t ms = 0;

	if (value.n == 0 || value.n > RETRY_DIGITS_MAX)
		return;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return;
		ms = ms * 10 + (uint32_t)(value.p[i] - '0');
	}
	stream->retry_ms = ms ? ms : 1;
}

static bool name_is(baton_str name, const char *word)
{
	return name.n == strlen(word) && memcmp(name.p, word, name.n) == 0;
}

static void field_take(struct stream *stream, baton_str line)
{
	const char *colon = memchr(line.p, ':', line.n);
	baton_str name = { line.p, colon ? (size_t)(colon - line.p) : line.n };
	baton_str value = { colon ? colon + 1 : NULL, colon ? line.n - name.n - 1 : 0 };

	if (value.n && value.p[0] == ' ')
		value = (baton_str){ value.p + 1, value.n - 1 };
	if (name_is(name, "data")) {
		if (stream->has_data)
			text_add(&stream->data, "\n", 1);
		text_add(&stream->data, value.p, value.n);
		stream->data.failed = stream->data.failed || stream->data.n > STREAM_BYTES_MAX;
		stream->has_data = true;
	} else if (name_is(name, "event")) {
		stream->named = value.n && !name_is(value, "message");
	} else if (name_is(name, "id")) {
		id_take(stream, value);
	} else if (name_is(name, "retry")) {
		retry_take(stream, value);
	}
}

static void event_clear(struct stream *stream)
{
	stream->data.n = 0;
	stream->has_data = stream->named = false;
}

/* The event is whole. Its id counts even if it has nothing else. */
static bool event_end(struct stream *stream)
{
	memcpy(stream->id, stream->next_id, sizeof(stream->id));
	return stream->has_data && !stream->named && stream->data.n && !stream->data.failed;
}

bool stream_next(struct stream *stream, baton_str *ret_data)
{
	static const char bom[] = "\xef\xbb\xbf";
	baton_str line;

	if (stream->data.n && !stream->has_data)
		stream->data.n = 0; /* what the last call gave away */
	while (line_next(stream, &line)) {
		if (!stream->begun && line.n >= 3 && memcmp(line.p, bom, 3) == 0)
			line = (baton_str){ line.p + 3, line.n - 3 };
		stream->begun = true;
		if (line.n) {
			field_take(stream, line);
			continue;
		}
		if (event_end(stream)) {
			*ret_data = text_view(&stream->data);
			stream->has_data = stream->named = false;
			return true;
		}
		event_clear(stream);
	}
	return false;
}

void stream_resume(struct stream *stream)
{
	stream->in.n = stream->at = stream->seen = 0;
	stream->begun = stream->after_cr = false;
	event_clear(stream);
	memcpy(stream->next_id, stream->id, sizeof(stream->next_id));
}

void stream_done(struct stream *stream)
{
	text_done(&stream->in);
	text_done(&stream->data);
}
