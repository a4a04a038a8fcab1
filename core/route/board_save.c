/* SPDX-License-Identifier: Apache-2.0 */

/* What of the board outlives the server, as JSON: open breakers, pauses, closures, targets that an
 * admin has switched off, the day's money, modes. Only what differs from a fresh board is written.
 *
 * Times are written as the wall clock and read back as "so long from now", bounded by what each
 * may be at most: a clock that was wrong, or a text that somebody made up, closes nothing for
 * longer than Baton itself would. A text is looked through as a whole before any of it is used.
 *
 *   {"v":1,
 *    "targets":[{"name":"main","account":"acme","breaker_until":1795..,"opened":2,"why":"slow",
 *                "disabled":"by whom","disabled_at":..,"cool_until":..,"hint_until":..,
 *                "closed":"unfit","closed_until":..,"closed_said":..}],
 *    "accounts":[...],
 *    "money":[{"kind":"route","name":"refund","day":20778,"spent":1200,"broke":0}],
 *    "modes":[...],
 *    "reviews":[{"intent":"refund","target":"main","v":[[1795..,125000,1],...]}]}
 */

#include "core/route/inside.h"

#include "core/base/errors.h"
#include "core/base/json.h"

enum {
	VERSION = 1,
	ROWS_MAX = 16384 /* of one list */,
	PURSES_MAX = 2048,
	COOL_MS_MAX = 600000,
	OPENED_MAX = 16
};
static const uint64_t CLOSED_MS_MAX = 31ull * 86400 * 1000;
static const uint64_t DAY_MS = 86400000;

/* --- writing --- */

static uint64_t to_unix(struct baton_now now, uint64_t ms)
{
	return ms > now.ms ? now.unix_ms + (ms - now.ms) : now.unix_ms;
}

static void member(struct baton_buf *out, const char *key, const char *text)
{
	baton_buf_printf(out, ",\"%s\":", key);
	baton_buf_json(out, baton_str_of(text));
}

static void until(struct baton_buf *out, const char *key, struct baton_now now, uint64_t ms)
{
	if (ms > now.ms)
		baton_buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)to_unix(now, ms));
}

static void save_closure(struct baton_buf *out, struct baton_now now,
			 const struct baton_closure *closure)
{
	if (!closure->closed)
		return;
	member(out, "closed", baton_trigger_name(closure->why));
	baton_buf_printf(out, ",\"closed_until\":%llu,\"closed_said\":%llu",
			 (unsigned long long)to_unix(now, closure->until_ms),
			 (unsigned long long)closure->until_unix_ms);
}

static void save_target(struct baton_buf *out, struct baton_now now,
			const struct baton_target_health *row)
{
	bool open = row->breaker.state != BATON_BREAKER_CLOSED;

	if (!open && !row->disabled && !row->closure.closed && row->cool_until_ms <= now.ms)
		return;
	baton_buf_z(out, out->n && out->p[out->n - 1] == '}' ? ",{\"name\":" : "{\"name\":");
	baton_buf_json(out, baton_str_of(row->name));
	member(out, "account", row->account->name);
	if (open) /* a probe that was under way is lost: the next call may be one */
		baton_buf_printf(out, ",\"opened\":%u,\"breaker_until\":%llu", row->breaker.opened,
				 (unsigned long long)(row->breaker.state == BATON_BREAKER_OPEN
							      ? to_unix(now, row->breaker.until_ms)
							      : now.unix_ms));
	if (open)
		member(out, "why", baton_trigger_name(row->why));
	if (row->disabled) {
		member(out, "disabled", row->disabled_by);
		baton_buf_printf(out, ",\"disabled_at\":%llu",
				 (unsigned long long)row->disabled_unix_ms);
	}
	until(out, "cool_until", now, row->cool_until_ms);
	until(out, "hint_until", now, row->hint_until_ms);
	save_closure(out, now, &row->closure);
	baton_buf_z(out, "}");
}

static void save_account(struct baton_buf *out, struct baton_now now,
			 const struct baton_account_health *row)
{
	if (!row->closure.closed && row->cool_until_ms <= now.ms)
		return;
	baton_buf_z(out, out->n && out->p[out->n - 1] == '}' ? ",{\"name\":" : "{\"name\":");
	baton_buf_json(out, baton_str_of(row->name));
	until(out, "cool_until", now, row->cool_until_ms);
	save_closure(out, now, &row->closure);
	baton_buf_z(out, "}");
}

static void save_purse(struct baton_buf *out, const char *kind, const struct baton_purse *purse)
{
	if (purse->spent == 0)
		return;
	baton_buf_z(out, out->p[out->n - 1] == '}' ? ",{\"kind\":" : "{\"kind\":");
	baton_buf_json(out, baton_str_of(kind));
	member(out, "name", purse->name);
	baton_buf_printf(out, ",\"day\":%llu,\"spent\":%llu,\"broke\":%llu}",
			 (unsigned long long)purse->day, (unsigned long long)purse->spent,
			 (unsigned long long)purse->broke);
}

void baton_board_save(struct baton_board *board, struct baton_now now, struct baton_buf *out)
{
	const struct baton_target_health *target;
	const struct baton_account_health *account;
	const struct baton_purse *purse;

	baton_buf_printf(out, "{\"v\":%d,\"targets\":[", VERSION);
	for (target = board->health.targets; target; target = target->hh.next)
		save_target(out, now, target);
	baton_buf_z(out, "],\"accounts\":[");
	for (account = board->health.accounts; account; account = account->hh.next)
		save_account(out, now, account);
	baton_buf_z(out, "],\"money\":[");
	save_purse(out, "tenant", &board->money.whole);
	for (purse = board->money.routes; purse; purse = purse->hh.next)
		save_purse(out, "route", purse);
	for (purse = board->money.accounts; purse; purse = purse->hh.next)
		save_purse(out, "account", purse);
	baton_buf_z(out, "],\"modes\":");
	baton_modes_save(&board->modes, now, out);
	baton_buf_z(out, ",\"reviews\":");
	baton_reviews_save(&board->reviews, now.unix_ms, out);
	baton_buf_z(out, "}");
	board->health.dirty = board->money.dirty = board->modes.dirty = false;
}

bool baton_board_dirty(const struct baton_board *board)
{
	return board->health.dirty || board->money.dirty || board->modes.dirty ||
	       board->reviews.dirty;
}

/* --- reading --- */

struct reader {
	struct baton_board *board;
	struct baton_now now;
	struct baton_arena arena;
	bool apply; /* the second time through: everything has been checked */
};

/* A name, or NULL for what is none. */
static const char *name_of(struct reader *reader, const struct baton_json *row, const char *key)
{
	struct baton_json value = baton_json_get(row, key);
	baton_str text = baton_json_text(&value, &reader->arena);

	if (value.type != BATON_JSON_STRING || text.n > BATON_NAME_BYTES_MAX ||
	    memchr(text.p ? text.p : "", '\0', text.n))
		return NULL;
	return baton_arena_dup(&reader->arena, text.p, text.n);
}

/* An integer or nothing; false for anything else. */
static bool number_ok(const struct baton_json *row, const char *key)
{
	struct baton_json value = baton_json_get(row, key);

	return value.type == BATON_JSON_NONE ||
	       baton_json_u64(&value, 1) == baton_json_u64(&value, 2);
}

static uint64_t number(const struct baton_json *row, const char *key)
{
	struct baton_json value = baton_json_get(row, key);

	return baton_json_u64(&value, 0);
}

/* A time of the wall clock as one of ours, not further away than `max_ms`; 0 if it is over. */
static uint64_t moment(const struct reader *reader, const struct baton_json *row, const char *key,
		       uint64_t max_ms)
{
	uint64_t unix_ms = number(row, key);

	if (unix_ms <= reader->now.unix_ms)
		return 0;
	unix_ms -= reader->now.unix_ms;
	return reader->now.ms + (unix_ms < max_ms ? unix_ms : max_ms);
}

/* NONE is no reason; false for a word that is none. */
static bool trigger_of(struct reader *reader, const struct baton_json *row, const char *key,
		       enum baton_trigger *ret_trigger)
{
	struct baton_json value = baton_json_get(row, key);

	*ret_trigger = BATON_TRIGGER_NONE;
	if (value.type == BATON_JSON_NONE)
		return true;
	if (value.type != BATON_JSON_STRING)
		return false;
	*ret_trigger = baton_trigger_find(baton_json_text(&value, &reader->arena));
	return *ret_trigger != BATON_TRIGGERS_N;
}

static void load_closure(const struct reader *reader, const struct baton_json *row,
			 enum baton_trigger why, struct baton_closure *closure)
{
	if (why == BATON_TRIGGER_NONE)
		return;
	*closure = (struct baton_closure){
		.closed = true,
		.why = why,
		.until_ms = moment(reader, row, "closed_until", CLOSED_MS_MAX),
		.until_unix_ms = number(row, "closed_said"),
	};
	/* Due already: the next call finds out. */
	if (closure->until_ms == 0)
		closure->until_ms = reader->now.ms;
}

static void load_breaker(const struct reader *reader, const struct baton_json *row,
			 struct baton_target_health *target, enum baton_trigger why)
{
	uint64_t opened = number(row, "opened");

	if (opened == 0)
		return;
	target->breaker = (struct baton_breaker){
		.state = BATON_BREAKER_OPEN,
		.opened = opened < OPENED_MAX ? (uint32_t)opened : OPENED_MAX,
		.until_ms = moment(reader, row, "breaker_until", target->def.open_max_ms),
	};
	target->why = why;
}

static bool load_target(struct reader *reader, const struct baton_json *row)
{
	static const char *const numbers[] = { "opened",     "breaker_until", "disabled_at",
					       "cool_until", "hint_until",    "closed_until",
					       "closed_said" };
	const char *name = name_of(reader, row, "name");
	const char *account = name_of(reader, row, "account");
	struct baton_json disabled = baton_json_get(row, "disabled");
	const char *by = disabled.type == BATON_JSON_NONE ? "" : name_of(reader, row, "disabled");
	enum baton_trigger why, closed;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!number_ok(row, numbers[i]))
			return false;
	if (!name || !*name || !account || !by || !trigger_of(reader, row, "why", &why) ||
	    !trigger_of(reader, row, "closed", &closed))
		return false;
	if (!reader->apply)
		return true;
	struct baton_target_health *target =
		baton_health_target(&reader->board->health, reader->now,
				    &(struct baton_target){ .name = name, .account = account });

	if (!target)
		return true; /* more names than there is room for: the first ones stay */
	load_breaker(reader, row, target, why);
	target->disabled = disabled.type != BATON_JSON_NONE;
	memcpy(target->disabled_by, by, strlen(by) + 1);
	target->disabled_unix_ms = number(row, "disabled_at");
	target->cool_until_ms = moment(reader, row, "cool_until", COOL_MS_MAX);
	target->hint_until_ms = moment(reader, row, "hint_until", COOL_MS_MAX);
	load_closure(reader, row, closed, &target->closure);
	return true;
}

static bool load_account(struct reader *reader, const struct baton_json *row)
{
	const char *name = name_of(reader, row, "name");
	enum baton_trigger closed;

	if (!name || !trigger_of(reader, row, "closed", &closed) || !number_ok(row, "cool_until") ||
	    !number_ok(row, "closed_until") || !number_ok(row, "closed_said"))
		return false;
	if (!reader->apply)
		return true;
	struct baton_account_health *account = baton_health_account(&reader->board->health, name);

	if (!account)
		return true;
	account->cool_until_ms = moment(reader, row, "cool_until", COOL_MS_MAX);
	load_closure(reader, row, closed, &account->closure);
	return true;
}

static bool load_purse(struct reader *reader, const struct baton_json *row)
{
	const char *kind = name_of(reader, row, "kind");
	const char *name = name_of(reader, row, "name");
	struct baton_money *money = &reader->board->money;
	uint64_t today = reader->now.unix_ms / DAY_MS;

	if (!kind || !name || !number_ok(row, "day") || !number_ok(row, "spent") ||
	    !number_ok(row, "broke"))
		return false;
	bool tenant = strcmp(kind, "tenant") == 0, route = strcmp(kind, "route") == 0;

	if (!tenant && !route && strcmp(kind, "account") != 0)
		return false;
	/* Yesterday's money is spent; a day to come is a clock that was wrong. */
	if (!reader->apply || number(row, "day") < today)
		return true;
	const struct baton_purse *table = route ? money->routes : money->accounts;

	if (!tenant && HASH_COUNT(table) >= PURSES_MAX)
		return true;
	struct baton_purse *purse = tenant  ? &money->whole
				    : route ? baton_money_route(money, name)
					    : baton_money_account(money, name);

	if (!purse)
		return true;
	purse->day = today;
	purse->spent = number(row, "spent");
	purse->broke = number(row, "broke");
	return true;
}

static bool each(struct reader *reader, const struct baton_json *root, const char *key,
		 bool (*load)(struct reader *reader, const struct baton_json *row))
{
	struct baton_json list = baton_json_get(root, key), row;
	size_t at = 0, rows = 0;

	if (list.type != BATON_JSON_ARRAY)
		return false;
	while (baton_json_element(&list, &at, &row))
		if (++rows > ROWS_MAX || row.type != BATON_JSON_OBJECT || !load(reader, &row))
			return false;
	return true;
}

static bool load_all(struct reader *reader, const struct baton_json *root)
{
	/* Accounts first: a target's state says whether its account is closed. */
	return each(reader, root, "accounts", load_account) &&
	       each(reader, root, "targets", load_target) &&
	       each(reader, root, "money", load_purse);
}

/* Nothing is told of what was so before the restart. */
static void known(struct baton_health *health, struct baton_now now)
{
	struct baton_target_health *target;
	struct baton_account_health *account;

	for (target = health->targets; target; target = target->hh.next) {
		target->told = baton_health_state(target, now.ms);
		target->told_unix_ms = target->disabled ? target->disabled_unix_ms : now.unix_ms;
	}
	for (account = health->accounts; account; account = account->hh.next)
		account->told_closed = account->closure.closed;
}

int baton_board_load(struct baton_board *board, struct baton_now now, baton_str json)
{
	struct reader reader = { .board = board, .now = now };
	struct baton_json root;
	int rc = baton_json_parse(json, &root);

	if (rc < 0)
		return BATON_E_JSON;
	struct baton_json modes = baton_json_get(&root, "modes");

	rc = number(&root, "v") == VERSION && modes.type == BATON_JSON_ARRAY &&
			     load_all(&reader, &root)
		     ? baton_modes_load(&board->modes, now, &modes)
		     : BATON_E_SCHEMA;
	/* A board that was saved by a version without them has none. */
	struct baton_json reviews = baton_json_get(&root, "reviews");
	if (rc == BATON_OK && reviews.type != BATON_JSON_NONE &&
	    !baton_reviews_load(&board->reviews, now.unix_ms, &reviews))
		rc = BATON_E_SCHEMA;
	if (rc == BATON_OK) {
		reader.apply = true;
		(void)load_all(&reader, &root);
		known(&board->health, now);
	}
	baton_arena_done(&reader.arena);
	return rc;
}
