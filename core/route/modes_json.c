/* SPDX-License-Identifier: Apache-2.0 */

/* Degraded modes as text: what is kept over a restart, what people see, what Prometheus reads. */

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/route/modes.h"

#include <string.h>

/* --- out --- */

static void field_text(struct baton_buf *out, const char *name, const char *text)
{
	baton_buf_printf(out, ",\"%s\":", name);
	baton_buf_json(out, baton_str_of(text));
}

static void field_u64(struct baton_buf *out, const char *name, uint64_t value)
{
	baton_buf_printf(out, ",\"%s\":", name);
	baton_buf_u64(out, value);
}

static void field_bool(struct baton_buf *out, const char *name, bool value)
{
	baton_buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void stay_json(const struct baton_mode *mode, struct baton_now now, struct baton_buf *out)
{
	uint64_t left_ms = mode->until_ms > now.ms ? mode->until_ms - now.ms : 0;

	field_text(out, "do", baton_mode_do_name(mode->what));
	field_bool(out, "intake", mode->intake);
	field_bool(out, "declared", mode->declared);
	field_text(out, "trigger", baton_trigger_name(mode->trigger));
	field_text(out, "by", mode->by);
	field_text(out, "why", mode->why);
	field_u64(out, "since_unix_ms", mode->since_unix_ms);
	field_u64(out, "until_unix_ms", now.unix_ms + left_ms);
}

void baton_modes_save(const struct baton_modes *modes, struct baton_now now, struct baton_buf *out)
{
	const char *comma = "";

	baton_buf_z(out, "[");
	for (size_t i = 0; i < modes->n; i++) {
		const struct baton_mode *mode = &modes->all[i];
		bool on = baton_mode_is_on(mode), rests = mode->rest_until_ms > now.ms;

		if (!on && !rests)
			continue;
		baton_buf_printf(out, "%s{\"name\":", comma);
		baton_buf_json(out, baton_str_of(mode->name));
		field_bool(out, "on", on);
		if (on) {
			stay_json(mode, now, out);
			field_u64(out, "followed", mode->followed);
		} else {
			field_u64(out, "rest_until_unix_ms",
				  now.unix_ms + (mode->rest_until_ms - now.ms));
			field_bool(out, "rest_breaks", mode->rest_breaks);
		}
		baton_buf_z(out, "}");
		comma = ",";
	}
	baton_buf_z(out, "]");
}

static void scope_json(const char *name, const char **words, size_t n, struct baton_buf *out)
{
	baton_buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		baton_buf_z(out, i > 0 ? "," : "");
		baton_buf_json(out, baton_str_of(words[i]));
	}
	baton_buf_z(out, "]");
}

void baton_modes_json(const struct baton_modes *modes, struct baton_now now, struct baton_buf *out)
{
	baton_buf_z(out, "[");
	for (size_t i = 0; i < modes->n; i++) {
		const struct baton_mode *mode = &modes->all[i];

		baton_buf_printf(out, "%s{\"name\":", i > 0 ? "," : "");
		baton_buf_json(out, baton_str_of(mode->name));
		field_text(out, "state", baton_mode_state_name(mode->state));
		if (mode->def) {
			scope_json("intents", mode->def->intents, mode->def->n_intents, out);
			scope_json("classes", mode->def->classes, mode->def->n_classes, out);
		}
		if (baton_mode_is_on(mode))
			stay_json(mode, now, out);
		else if (mode->def)
			field_text(out, "do", baton_mode_do_name(mode->def->what));
		if (mode->rest_until_ms > now.ms)
			field_u64(out, "rests_ms", mode->rest_until_ms - now.ms);
		field_bool(out, "undecided", mode->undecided);
		field_u64(out, "entered", mode->entered);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

/* One series over all modes; names of policies hold nothing that a label would have to escape. */
static void series(const struct baton_modes *modes, struct baton_now now, const char *name,
		   double (*value)(const struct baton_mode *, struct baton_now),
		   struct baton_buf *out)
{
	for (size_t i = 0; i < modes->n; i++)
		baton_buf_printf(out, "%s{mode=\"%s\"} %.12g\n", name, modes->all[i].name,
				 value(&modes->all[i], now));
}

static double value_on(const struct baton_mode *mode, struct baton_now now)
{
	(void)now;
	return baton_mode_is_on(mode) ? 1 : 0;
}

static double value_entered(const struct baton_mode *mode, struct baton_now now)
{
	(void)now;
	return (double)mode->entered;
}

static double value_seconds(const struct baton_mode *mode, struct baton_now now)
{
	uint64_t stay_ms = baton_mode_is_on(mode) ? now.ms - mode->since_ms : 0;

	return (double)(mode->on_ms + stay_ms) / 1000.0;
}

void baton_modes_metrics(const struct baton_modes *modes, struct baton_now now,
			 struct baton_buf *out)
{
	baton_buf_z(out, "# HELP baton_mode_on Whether the degraded mode is on.\n"
			 "# TYPE baton_mode_on gauge\n");
	series(modes, now, "baton_mode_on", value_on, out);
	baton_buf_z(out, "# HELP baton_mode_entries_total How often it was entered.\n"
			 "# TYPE baton_mode_entries_total counter\n");
	series(modes, now, "baton_mode_entries_total", value_entered, out);
	baton_buf_z(out, "# HELP baton_mode_seconds_total Time it was on.\n"
			 "# TYPE baton_mode_seconds_total counter\n");
	series(modes, now, "baton_mode_seconds_total", value_seconds, out);
}

/* --- in --- */

static bool read_text(const struct baton_json *object, const char *name, char *to, size_t cap,
		      struct baton_arena *arena)
{
	struct baton_json value = baton_json_get(object, name);
	baton_str text = baton_json_text(&value, arena);

	if (value.type != BATON_JSON_STRING || text.n >= cap ||
	    (text.n > 0 && memchr(text.p, '\0', text.n)))
		return false;
	if (text.n > 0)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return true;
}

static bool read_u64(const struct baton_json *object, const char *name, uint64_t *ret_value)
{
	struct baton_json value = baton_json_get(object, name);

	*ret_value = baton_json_u64(&value, UINT64_MAX);
	/* Half the range: sums of two such times must not run over. */
	return *ret_value < UINT64_MAX / 2;
}

static bool read_bool(const struct baton_json *object, const char *name, bool *ret_value)
{
	struct baton_json value = baton_json_get(object, name);

	*ret_value = baton_json_bool(&value);
	return value.type == BATON_JSON_TRUE || value.type == BATON_JSON_FALSE;
}

static bool read_trigger(const struct baton_json *object, enum baton_trigger *ret_trigger)
{
	struct baton_json value = baton_json_get(object, "trigger");

	/* Words of the table are plain; anything else is none of them. */
	if (value.type != BATON_JSON_STRING || !value.plain)
		return false;
	*ret_trigger = baton_trigger_find((baton_str){ value.raw.p + 1, value.raw.n - 2 });
	return *ret_trigger != BATON_TRIGGERS_N;
}

static bool read_do(const struct baton_json *object, enum baton_mode_do *ret_what)
{
	struct baton_json value = baton_json_get(object, "do");

	if (value.type != BATON_JSON_STRING || !value.plain)
		return false;
	for (unsigned what = BATON_MODE_INTAKE; what <= BATON_MODE_SUBSTITUTE; what++) {
		*ret_what = (enum baton_mode_do)what;
		if (baton_str_is((baton_str){ value.raw.p + 1, value.raw.n - 2 },
				 baton_mode_do_name(*ret_what)))
			return true;
	}
	return false;
}

static bool read_stay(const struct baton_json *object, struct baton_now now,
		      struct baton_mode *mode, struct baton_arena *arena)
{
	uint64_t followed;

	if (!read_do(object, &mode->what) || !read_bool(object, "intake", &mode->intake) ||
	    !read_bool(object, "declared", &mode->declared) ||
	    !read_trigger(object, &mode->trigger) ||
	    !read_text(object, "by", mode->by, sizeof(mode->by), arena) ||
	    !read_text(object, "why", mode->why, sizeof(mode->why), arena) ||
	    !read_u64(object, "since_unix_ms", &mode->since_unix_ms) ||
	    !read_u64(object, "until_unix_ms", &mode->until_unix_ms) ||
	    !read_u64(object, "followed", &followed) || followed > BATON_MODES_MAX)
		return false;
	uint64_t left_ms =
		mode->until_unix_ms > now.unix_ms ? mode->until_unix_ms - now.unix_ms : 0;
	uint64_t stayed_ms =
		now.unix_ms > mode->since_unix_ms ? now.unix_ms - mode->since_unix_ms : 0;

	mode->state = BATON_MODE_ON;
	mode->followed = (uint32_t)followed;
	mode->until_ms = now.ms + left_ms;
	mode->since_ms = now.ms;
	mode->stayed_ms = stayed_ms;
	return true;
}

static bool read_rest(const struct baton_json *object, struct baton_now now,
		      struct baton_mode *mode)
{
	uint64_t until;

	if (!read_u64(object, "rest_until_unix_ms", &until) ||
	    !read_bool(object, "rest_breaks", &mode->rest_breaks))
		return false;
	mode->rest_until_ms = now.ms + (until > now.unix_ms ? until - now.unix_ms : 0);
	return true;
}

static bool read_mode(const struct baton_json *object, struct baton_now now,
		      struct baton_mode *mode, struct baton_arena *arena)
{
	bool on;

	return object->type == BATON_JSON_OBJECT &&
	       read_text(object, "name", mode->name, sizeof(mode->name), arena) && mode->name[0] &&
	       read_bool(object, "on", &on) &&
	       (on ? read_stay(object, now, mode, arena) : read_rest(object, now, mode));
}

/* Reads all before anything is taken over. */
static size_t read_all(const struct baton_json *json, struct baton_now now,
		       struct baton_mode *modes, bool *ret_ok)
{
	struct baton_arena arena = { 0 };
	struct baton_json element;
	size_t at = 0, n = 0;

	*ret_ok = json->type == BATON_JSON_ARRAY;
	while (*ret_ok && baton_json_element(json, &at, &element)) {
		*ret_ok = n < BATON_MODES_MAX && read_mode(&element, now, &modes[n], &arena);
		for (size_t i = 0; *ret_ok && i < n; i++)
			*ret_ok = strcmp(modes[i].name, modes[n].name) != 0;
		n++;
	}
	baton_arena_done(&arena);
	return n;
}

int baton_modes_load(struct baton_modes *modes, struct baton_now now, const struct baton_json *json)
{
	struct baton_mode *read = baton_alloc(BATON_MODES_MAX * sizeof(*read));
	bool ok;
	size_t n = read_all(json, now, read, &ok);

	for (size_t i = 0; ok && i < n; i++)
		baton_modes_restore(modes, now, &read[i]);
	baton_free(read);
	return ok ? 0 : BATON_E_SCHEMA;
}
