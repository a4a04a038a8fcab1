/* SPDX-License-Identifier: Apache-2.0 */

/* The parser of event streams; see sse.h. Lines that arrive whole are read where they lie, only an
 * unfinished one is copied. A CR ends a line at once, so an event is not held back until it is
 * known whether an LF follows; that LF is then skipped. */
#include "core/loop/sse.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

static const char data_field[] = "data: ";
enum { DATA_BYTES = sizeof(data_field) - 1 };

void baton_sse_init(struct baton_sse *sse,
		    void (*on_event)(void *ud, baton_str event, baton_str data), void *ud)
{
	*sse = (struct baton_sse){
		.line_bytes_max = BATON_HTTP_LINE_BYTES_MAX,
		.on_event = on_event,
		.ud = ud,
	};
}

static void event_reset(struct baton_sse *sse)
{
	baton_buf_reset(&sse->data);
	baton_buf_reset(&sse->event);
	sse->in_event = false;
}

void baton_sse_reset(struct baton_sse *sse)
{
	event_reset(sse);
	baton_buf_reset(&sse->line);
	sse->started = sse->after_cr = false;
}

void baton_sse_done(struct baton_sse *sse)
{
	baton_buf_done(&sse->line);
	baton_buf_done(&sse->data);
	baton_buf_done(&sse->event);
}

static void event_dispatch(struct baton_sse *sse)
{
	if (sse->in_event) {
		baton_str event = sse->event.n ? baton_buf_view(&sse->event) : BATON_STR("message");
		sse->on_event(sse->ud, event, baton_buf_view(&sse->data));
	}
	event_reset(sse);
}

static int field_take(struct baton_sse *sse, baton_str name, baton_str value)
{
	if (baton_str_is(name, "data")) {
		if (sse->data.n + value.n + 1 > sse->line_bytes_max)
			return BATON_E_TOO_BIG;
		if (sse->in_event)
			baton_buf_add(&sse->data, "\n", 1);
		baton_buf_str(&sse->data, value);
		sse->in_event = true;
	} else if (baton_str_is(name, "event")) {
		baton_buf_reset(&sse->event);
		baton_buf_str(&sse->event, value);
	}
	return 0;
}

static int line_take(struct baton_sse *sse, baton_str line)
{
	static const char bom[3] = { '\xef', '\xbb', '\xbf' };
	if (!sse->started && line.n >= sizeof(bom) && memcmp(line.p, bom, sizeof(bom)) == 0)
		line = (baton_str){ line.p + sizeof(bom), line.n - sizeof(bom) };
	sse->started = true;

	if (line.n > sse->line_bytes_max)
		return BATON_E_TOO_BIG;
	if (line.n == 0) {
		event_dispatch(sse);
		return 0;
	}

	const char *colon = memchr(line.p, ':', line.n);
	if (!colon)
		return field_take(sse, line, BATON_STR(""));

	baton_str name = { line.p, (size_t)(colon - line.p) };
	baton_str value = { colon + 1, line.n - name.n - 1 };
	if (value.n && value.p[0] == ' ')
		value = (baton_str){ value.p + 1, value.n - 1 };
	return field_take(sse, name, value); /* a comment is a field without a name */
}

/* The line that ends here, of which the beginning may have come earlier. */
static int line_end(struct baton_sse *sse, baton_str rest)
{
	if (sse->line.n == 0)
		return line_take(sse, rest);

	if (sse->line.n + rest.n > sse->line_bytes_max)
		return BATON_E_TOO_BIG;
	baton_buf_str(&sse->line, rest);
	int rc = line_take(sse, baton_buf_view(&sse->line));
	baton_buf_reset(&sse->line);
	return rc;
}

/* Where the next line end is at or after `at`. *lf remembers the next LF: a stream of CRs alone
 * must not be searched to its end for every line. */
static size_t find_end(baton_str bytes, size_t at, size_t *lf)
{
	if (*lf < at || at == 0) {
		const char *found = memchr(bytes.p + at, '\n', bytes.n - at);
		*lf = found ? (size_t)(found - bytes.p) : bytes.n;
	}
	const char *cr = memchr(bytes.p + at, '\r', *lf - at);
	return cr ? (size_t)(cr - bytes.p) : *lf;
}

/* Most events are one line of data and an empty one: if all of such an event is there, it is told
 * where it lies. `behind` begins with the line's end. */
static bool is_whole_event(const struct baton_sse *sse, baton_str line, baton_str behind)
{
	return !sse->line.n && !sse->in_event && !sse->event.n && line.n <= sse->line_bytes_max &&
	       behind.n >= 2 && memcmp(behind.p, "\n\n", 2) == 0 && line.n >= DATA_BYTES &&
	       memcmp(line.p, data_field, DATA_BYTES) == 0;
}

/* Returns 0, or what line_end() says; *at is behind what was read. */
static int lines_feed(struct baton_sse *sse, baton_str bytes, size_t *at)
{
	size_t lf = 0;

	while (*at < bytes.n && !sse->hold) {
		if (sse->after_cr && bytes.p[*at] == '\n')
			(*at)++;
		sse->after_cr = false;
		if (*at == bytes.n)
			break;

		size_t end = find_end(bytes, *at, &lf);
		baton_str piece = { bytes.p + *at, end - *at };
		if (is_whole_event(sse, piece, (baton_str){ bytes.p + end, bytes.n - end })) {
			sse->started = true;
			*at = end + 2;
			sse->on_event(sse->ud, BATON_STR("message"),
				      (baton_str){ piece.p + DATA_BYTES, piece.n - DATA_BYTES });
			continue;
		}
		*at = end;
		if (end == bytes.n) {
			if (sse->line.n + piece.n > sse->line_bytes_max)
				return BATON_E_TOO_BIG;
			baton_buf_str(&sse->line, piece);
			break;
		}
		sse->after_cr = bytes.p[end] == '\r';
		*at = end + 1;
		int rc = line_end(sse, piece);
		if (rc)
			return rc;
	}
	return 0;
}

int baton_sse_feed(struct baton_sse *sse, baton_str bytes)
{
	sse->hold = false;
	sse->taken = 0;
	return lines_feed(sse, bytes, &sse->taken);
}
