/* SPDX-License-Identifier: Apache-2.0 */

/* One JSON object per line into whatever sink the host gave. */

#include "core/base/log.h"

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/base/id.h"

#include <stdarg.h>

static struct {
	baton_log_sink *sink;
	uint64_t (*wall_ms)(void *ud);
	void *ud;
	uint32_t level_min;
} log_state;

static const char *const level_names[] = { "debug", "info", "notice", "warn", "error" };

void baton_log_to(baton_log_sink *sink, uint64_t (*wall_ms)(void *ud), void *ud, uint32_t level_min)
{
	log_state.sink = sink;
	log_state.wall_ms = wall_ms;
	log_state.ud = ud;
	log_state.level_min = level_min;
}

bool baton_log_wants(uint32_t level)
{
	return log_state.sink && level >= log_state.level_min;
}

static void log_id(struct baton_buf *line, const struct baton_id *id)
{
	char text[BATON_ID_TEXT + 1];

	baton_id_text(id, text);
	baton_buf_printf(line, "\"%s\"", text);
}

static void log_value(struct baton_buf *line, char kind, va_list *args)
{
	switch (kind) {
	case 's':
		baton_buf_json(line, baton_str_of(va_arg(*args, const char *)));
		break;
	case 'S':
		baton_buf_json(line, *va_arg(*args, const baton_str *));
		break;
	case 'u':
		baton_buf_u64(line, va_arg(*args, uint64_t));
		break;
	case 'i':
		baton_buf_i64(line, va_arg(*args, int64_t));
		break;
	case 'd':
		log_id(line, va_arg(*args, const struct baton_id *));
		break;
	default:
		baton_assert(kind == 0 && "a kind that log.h does not name");
	}
}

void baton_log(uint32_t level, const char *event, const char *kinds, ...)
{
	struct baton_buf line = { NULL, 0, 0 };
	va_list args;

	if (!baton_log_wants(level))
		return;
	baton_buf_printf(&line, "{\"ts_ms\":%llu,\"level\":\"%s\",\"event\":\"%s\"",
			 (unsigned long long)log_state.wall_ms(log_state.ud),
			 level_names[level <= BATON_LOG_ERROR ? level : BATON_LOG_ERROR], event);
	va_start(args, kinds);
	for (const char *kind = kinds; *kind; kind++) {
		baton_buf_printf(&line, ",\"%s\":", va_arg(args, const char *));
		log_value(&line, *kind, &args);
	}
	va_end(args);
	baton_buf_z(&line, "}\n");
	log_state.sink(log_state.ud, baton_buf_view(&line));
	baton_buf_done(&line);
}
