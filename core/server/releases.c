/* SPDX-License-Identifier: Apache-2.0 */

/* The books, and how they look from outside. Books change on the loader's thread alone and under
 * the lock, so that thread reads them without it. */

#include "core/server/releases.h"

#include "core/server/figures.h"

#include <time.h>

const char *book_state_name(enum book_state state)
{
	static const char *const names[] = { "staged", "canary", "live", "draining" };

	return names[state];
}

static void sha12_of(const struct baton_release *release, char sha12[13])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *sha256 = baton_release_policy(release)->sha256;

	for (size_t i = 0; i < 6; i++) {
		sha12[2 * i] = digits[sha256[i] >> 4];
		sha12[2 * i + 1] = digits[sha256[i] & 15];
	}
	sha12[12] = '\0';
}

struct book *book_new(struct loader *loader, struct baton_release *release)
{
	struct book *book = baton_new(struct book);

	book->release = release;
	book->number = baton_release_number(release);
	book->since_ms = baton_loop_unix_ms();
	sha12_of(release, book->sha12);
	pthread_mutex_lock(&loader->lock);
	DL_PREPEND(loader->books, book);
	pthread_mutex_unlock(&loader->lock);
	return book;
}

struct book *book_of(struct loader *loader, uint64_t number)
{
	struct book *book;

	DL_FOREACH(loader->books, book)
		if (book->number == number)
			return book;
	return NULL;
}

void book_set(struct loader *loader, struct book *book, enum book_state state)
{
	pthread_mutex_lock(&loader->lock);
	book->state = state;
	book->since_ms = baton_loop_unix_ms();
	if (loader->candidate == book && state != BOOK_STAGED && state != BOOK_CANARY)
		loader->candidate = NULL;
	if (state == BOOK_STAGED || state == BOOK_CANARY)
		loader->candidate = book;
	if (state == BOOK_LIVE) {
		loader->live = book;
		book->was_live = true;
	}
	pthread_mutex_unlock(&loader->lock);
}

/* --- what can come back --- */

static void past_free(struct past *past)
{
	baton_policy_free(&past->policy);
	baton_free(past->modules);
}

void past_forget(struct loader *loader, size_t keep)
{
	while (loader->n_past > keep)
		past_free(&loader->past[--loader->n_past]);
}

static void past_add(struct loader *loader, const struct book *book, size_t keep)
{
	struct past past = { .number = book->number, .ended_ms = baton_loop_unix_ms() };
	size_t n = baton_release_size(book->release);

	if (keep == 0)
		return;
	past_forget(loader, keep - 1);
	past.policy = baton_policy_ref(baton_release_shared_policy(book->release));
	memcpy(past.sha12, book->sha12, sizeof(past.sha12));
	past.modules = baton_alloc((n + 1) * sizeof(*past.modules));
	for (size_t i = 0; i < n; i++) {
		struct baton_generation_view view;
		struct past_module *module = &past.modules[past.n_modules++];

		baton_release_view(book->release, i, &view);
		memset(module, 0, sizeof(*module));
		memcpy(module->name, view.module, strnlen(view.module, BATON_NAME_BYTES_MAX));
		memcpy(module->sha256, view.sha256, sizeof(module->sha256));
	}
	memmove(loader->past + 1, loader->past, loader->n_past * sizeof(past));
	loader->past[0] = past;
	loader->n_past++;
}

void book_end(struct loader *loader, struct book *book, unsigned keep)
{
	pthread_mutex_lock(&loader->lock);
	DL_DELETE(loader->books, book);
	if (loader->candidate == book)
		loader->candidate = NULL;
	if (book->was_live)
		past_add(loader, book, keep < PAST_MAX ? keep : PAST_MAX);
	pthread_mutex_unlock(&loader->lock);
	if (loader->loop)
		baton_loop_timer_stop(loader->loop, book->timer);
	/* Outside of the lock: the last reference unloads code. */
	baton_release_unref(&book->release);
	baton_free(book);
}

void books_free(struct loader *loader)
{
	struct book *book, *after;

	DL_FOREACH_SAFE(loader->books, book, after)
	{
		baton_release_unref(&book->release);
		baton_free(book);
	}
	loader->books = loader->live = loader->candidate = NULL;
	past_forget(loader, 0);
	for (size_t i = 0; i < loader->n_counted; i++)
		baton_meter_done(&loader->counted[i].meter);
	baton_free(loader->counted);
}

/* --- counters of what is gone --- */

/* Under the lock. NULL: more names than anybody has modules. */
static struct counted *counted_of(struct loader *loader, const char *name)
{
	if (!loader->counted)
		loader->counted = baton_alloc(COUNTED_MAX * sizeof(*loader->counted));
	for (size_t i = 0; i < loader->n_counted; i++)
		if (strcmp(loader->counted[i].name, name) == 0)
			return &loader->counted[i];
	if (loader->n_counted == COUNTED_MAX)
		return NULL;
	struct counted *counted = &loader->counted[loader->n_counted++];
	memset(counted, 0, sizeof(*counted));
	memcpy(counted->name, name, strnlen(name, BATON_NAME_BYTES_MAX));
	baton_meter_init(&counted->meter, counted->name);
	return counted;
}

void loader_counted(struct loader *loader, struct baton_meter *meter)
{
	pthread_mutex_lock(&loader->lock);
	struct counted *counted = counted_of(loader, meter->module);
	if (counted)
		baton_meter_merge(&counted->meter, meter);
	pthread_mutex_unlock(&loader->lock);
}

/* --- the view --- */

static bool told_before(const struct loader *loader, const struct book *book, size_t i)
{
	const struct book *other;

	DL_FOREACH(loader->books, other) {
		if (other == book)
			return false;
		if (baton_release_shares(book->release, i, other->release))
			return true;
	}
	return false;
}

/* What it is now: the best of the releases that name it. */
static const char *generation_state(const struct loader *loader, const struct book *book, size_t i)
{
	static const enum book_state best[] = { BOOK_LIVE, BOOK_CANARY, BOOK_STAGED };
	const struct book *other;

	for (size_t k = 0; k < 3; k++)
		DL_FOREACH(loader->books, other)
			if (other->state == best[k] &&
			    baton_release_shares(book->release, i, other->release))
				return best[k] == BOOK_LIVE ? "active" : book_state_name(best[k]);
	return "draining";
}

/* Turns on all releases that name it. */
static uint64_t generation_pins(const struct loader *loader, const struct book *book, size_t i)
{
	const struct book *other;
	uint64_t pins = 0;

	DL_FOREACH(loader->books, other)
		if (baton_release_shares(book->release, i, other->release))
			pins += baton_release_pins(other->release);
	return pins;
}

static void put_book(const struct book *book, struct baton_buf *out)
{
	baton_buf_printf(
		out,
		"{\"number\":%llu,\"state\":\"%s\",\"since_ms\":%llu,\"pins\":%llu,\"policy_sha12\":\"%s\",\"files_changed\":%u,\"modules_changed\":%u,\"modules\":[",
		(unsigned long long)book->number, book_state_name(book->state),
		(unsigned long long)book->since_ms,
		(unsigned long long)baton_release_pins(book->release), book->sha12,
		book->files_changed, book->modules_changed);
	for (size_t i = 0; i < baton_release_size(book->release); i++) {
		struct baton_generation_view view;

		baton_release_view(book->release, i, &view);
		baton_buf_z(out, i ? ",{\"name\":" : "{\"name\":");
		baton_buf_json(out, baton_str_of(view.module));
		baton_buf_printf(out, ",\"generation\":%llu}", (unsigned long long)view.number);
	}
	baton_buf_z(out, "]}");
}

static void put_generations(const struct loader *loader, struct baton_buf *out)
{
	const struct book *book;
	const char *comma = "";

	DL_FOREACH(loader->books, book)
		for (size_t i = 0; i < baton_release_size(book->release); i++) {
			if (told_before(loader, book, i))
				continue;
			baton_buf_z(out, comma);
			comma = ",";
			baton_release_module_json(book->release, i,
						  generation_state(loader, book, i), out);
			out->n--; /* its brace: one member more */
			baton_buf_printf(out, ",\"pins\":%llu}",
					 (unsigned long long)generation_pins(loader, book, i));
		}
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The trial, and the share that it is made with. */
static void put_canary(const struct loader *loader, struct baton_buf *out)
{
	struct baton_buf trial = { NULL, 0, 0 };

	if (!atomic_load(&loader->on_trial)) {
		baton_buf_z(out, "null");
		return;
	}
	baton_trial_json(&loader->trial, monotonic_ms(), &trial);
	baton_buf_printf(out, "{\"share_ppm\":%u,", (unsigned)loader->share_ppm);
	baton_buf_add(out, trial.p + 1, trial.n - 1);
	baton_buf_done(&trial);
}

void loader_view(struct baton_server *server, struct baton_buf *out)
{
	struct loader *loader = server->loader;
	const struct book *book;
	const char *comma = "";

	pthread_mutex_lock(&loader->lock);
	baton_buf_printf(out, "{\"live\":%llu,\"candidate\":",
			 (unsigned long long)(loader->live ? loader->live->number : 0));
	if (loader->candidate)
		baton_buf_u64(out, loader->candidate->number);
	else
		baton_buf_z(out, "null");
	baton_buf_z(out, ",\"policies\":");
	baton_buf_json(out, baton_str_of(server->options.policies));
	baton_buf_z(out, ",\"releases\":[");
	DL_FOREACH(loader->books, book) {
		baton_buf_z(out, comma);
		comma = ",";
		put_book(book, out);
	}
	baton_buf_z(out, "],\"generations\":[");
	put_generations(loader, out);
	baton_buf_z(out, "],\"past\":[");
	for (size_t i = 0; i < loader->n_past; i++)
		baton_buf_printf(
			out, "%s{\"number\":%llu,\"policy_sha12\":\"%s\",\"ended_ms\":%llu}",
			i ? "," : "", (unsigned long long)loader->past[i].number,
			loader->past[i].sha12, (unsigned long long)loader->past[i].ended_ms);
	baton_buf_z(out, "],\"canary\":");
	put_canary(loader, out);
	baton_buf_printf(out, ",\"quarantined\":%u", atomic_load(&loader->quarantined));
	baton_buf_printf(out,
			 ",\"swaps\":%llu,\"refused\":%llu,\"rolled_back\":%llu,\"waiting\":%u}",
			 (unsigned long long)atomic_load(&loader->swaps),
			 (unsigned long long)atomic_load(&loader->refused),
			 (unsigned long long)atomic_load(&loader->rolled_back), loader->n_line);
	pthread_mutex_unlock(&loader->lock);
}

/* --- metrics --- */

/* One meter for each name: what is gone, and every generation that still runs. */
static void put_meters(struct loader *loader, struct baton_buf *out)
{
	struct baton_meter *sums = baton_alloc(COUNTED_MAX * sizeof(*sums));
	struct baton_meter *list[COUNTED_MAX];
	const struct book *book;
	size_t n = 0;

	DL_FOREACH(loader->books, book)
		for (size_t i = 0; i < baton_release_size(book->release); i++) {
			struct baton_generation_view view;

			baton_release_view(book->release, i, &view);
			(void)counted_of(loader, view.module);
		}
	for (; n < loader->n_counted; n++) {
		baton_meter_init(&sums[n], loader->counted[n].name);
		baton_meter_merge(&sums[n], &loader->counted[n].meter);
		list[n] = &sums[n];
	}
	DL_FOREACH(loader->books, book)
		for (size_t i = 0; i < baton_release_size(book->release); i++) {
			if (told_before(loader, book, i))
				continue;
			struct baton_meter *meter = baton_release_meter(book->release, i);
			for (size_t k = 0; k < n; k++)
				if (strcmp(list[k]->module, meter->module) == 0)
					baton_meter_merge(list[k], meter);
		}
	baton_meter_text(list, n, out);
	for (size_t k = 0; k < n; k++)
		baton_meter_done(list[k]);
	baton_free(sums);
}

void loader_metrics(struct baton_server *server, struct baton_buf *out)
{
	struct loader *loader = server->loader;
	struct baton_buf view = { NULL, 0, 0 };

	loader_view(server, &view);
	pthread_mutex_lock(&loader->lock);
	baton_metrics_gauge_text(out, "baton_release", "number of the live release",
				 loader->live ? (double)loader->live->number : 0);
	put_meters(loader, out);
	pthread_mutex_unlock(&loader->lock);
	figures_text(loader->figures, baton_buf_view(&view), out);
	baton_buf_done(&view);
}
