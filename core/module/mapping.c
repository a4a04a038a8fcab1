/* SPDX-License-Identifier: Apache-2.0 */

/* What is mapped of modules. Surprising: the same file mapped twice is two mappings only because
 * each has a copy of its own; the dynamic linker goes by name first, then by inode, and would
 * hand out old code. */
#include "core/module/mapping.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/ctx.h"
#include "core/module/surroundings.h"

#include <dlfcn.h>
#include <stdio.h>

/* Entries of everything that is mapped, to notice when the dynamic linker hands out old code. */
struct live {
	struct live *next;
	const baton_module *entry;
};
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct live *live_list;

static bool live_add(const baton_module *entry)
{
	bool is_new = true;
	(void)pthread_mutex_lock(&live_lock);
	for (struct live *i = live_list; i; i = i->next)
		is_new = is_new && i->entry != entry;
	if (is_new) {
		struct live *live = baton_new(struct live);
		live->entry = entry;
		live->next = live_list;
		live_list = live;
	}
	(void)pthread_mutex_unlock(&live_lock);
	return is_new;
}

static void live_remove(const baton_module *entry)
{
	(void)pthread_mutex_lock(&live_lock);
	struct live **at = &live_list;
	while (*at && (*at)->entry != entry)
		at = &(*at)->next;
	if (*at) {
		struct live *gone = *at;
		*at = gone->next;
		baton_free(gone);
	}
	(void)pthread_mutex_unlock(&live_lock);
}

/* --- what it does to its surroundings ------------------------------------------------------ */

/* What it must not change is put back, whatever it did. */
static void settle(struct baton_generation *g, struct baton_surroundings *before, bool is_end)
{
	struct baton_buf changed = { 0 };
	unsigned bits = is_end ? baton_surroundings_drop_handlers(g->place, &changed) : 0;
	bits |= baton_surroundings_settle(before, &changed);
	if (bits != 0)
		baton_meter_breach(&g->meter, BATON_BREACH_SURROUNDINGS, changed.p);
	baton_buf_done(&changed);
}

static void map(struct baton_generation *g)
{
	struct baton_surroundings before;
	baton_surroundings_take(BATON_SURROUND_LIFE, &g->surroundings);
	baton_surroundings_take(BATON_SURROUND_SHARED, &before);
	g->place = baton_place_new(g->spec->name, g->version, g->number, g->sha256);
	struct baton_beacon_was was =
		baton_beacon_enter(g->place, "its constructors", BATON_BEACON_MAY_BLOCK);
	g->dl = dlopen(g->copy.path, RTLD_NOW | RTLD_LOCAL);
	baton_beacon_leave(was);
	settle(g, &before, false);
}

/* --- what stays ------------------------------------------------------------------------------ */

static _Atomic(unsigned) residents;

unsigned baton_mapping_residents(void)
{
	return atomic_load(&residents);
}

/* --- life ---------------------------------------------------------------------------------- */

int baton_mapping_open(struct baton_generation *g, char *why, size_t cap)
{
	map(g);
	if (!g->dl) {
		(void)snprintf(why, cap, "the dynamic linker refused it: %.160s", dlerror());
		return BATON_E_MODULE;
	}
	const baton_module *entry = dlsym(g->dl, BATON_ENTRY_SYMBOL);
	baton_place_mapped(g->place, entry);
	if (!entry) {
		(void)snprintf(why, cap,
			       BATON_ENTRY_SYMBOL ": expected it after loading, found nothing");
		return BATON_E_MODULE;
	}
	if (!live_add(entry)) {
		(void)snprintf(why, cap,
			       "the dynamic linker gave older code instead of this file's");
		return BATON_E_MODULE;
	}
	g->entry = entry;
	return 0;
}

int32_t baton_mapping_load(struct baton_generation *g, struct baton_ctx *ctx)
{
	struct baton_surroundings before;
	if (!g->entry->load)
		return BATON_OK;
	baton_surroundings_take(BATON_SURROUND_SHARED, &before);
	struct baton_beacon_was was = baton_beacon_enter(g->place, "load", BATON_BEACON_MAY_BLOCK);
	int32_t rc = g->entry->load(ctx, baton_host_table(), &g->mod);
	baton_beacon_leave(was);
	settle(g, &before, false);
	return rc;
}

void baton_mapping_close(struct baton_generation *g)
{
	if (!g->place && !g->dl)
		return;
	struct baton_beacon_was was =
		baton_beacon_enter(g->place, "unload", BATON_BEACON_MAY_BLOCK);
	if (g->loaded && g->entry->unload)
		g->entry->unload(g->mod);
	baton_beacon_leave(was);
	/* While it is known whose code is where. */
	settle(g, &g->surroundings, true);
	/* A resident one that never ran load() has still run its constructors: it stays, too, and
	 * its place stays known. */
	if (g->dl && g->resident_because[0]) {
		(void)atomic_fetch_add(&residents, 1);
		return;
	}
	if (g->dl) {
		if (g->entry)
			live_remove(g->entry);
		was = baton_beacon_enter(g->place, "its destructors", BATON_BEACON_MAY_BLOCK);
		(void)dlclose(g->dl);
		baton_beacon_leave(was);
	}
	baton_place_done(&g->place);
}
