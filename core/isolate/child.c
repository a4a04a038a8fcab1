/* SPDX-License-Identifier: Apache-2.0 */

/* Start and stop of a child, as the loader's thread sees it. The work is the keeper's. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { KEEPER_STACK_BYTES = 512 * 1024 };

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
	return v ? v : otherwise;
}

static void keep_options(struct baton_child *child, const struct baton_child_options *from)
{
	struct baton_child_options *o = &child->options;
	*o = *from;
	o->modhost = baton_memdupz(from->modhost, strlen(from->modhost));
	o->path = baton_memdupz(from->path, strlen(from->path));
	o->name = baton_memdupz(from->name, strlen(from->name));
	o->memory_bytes = from->memory_bytes ? from->memory_bytes : (uint64_t)512 << 20;
	o->nofile = or_default(from->nofile, 256);
	o->heartbeat_ms = or_default(from->heartbeat_ms, 250);
	o->hang_ms = or_default(from->hang_ms, 1000);
	o->start_ms = or_default(from->start_ms, 5000);
	o->evaluate_ms = or_default(from->evaluate_ms, 50);
	o->inspect_ms = or_default(from->inspect_ms, 200);
	o->pause_ms = or_default(from->pause_ms, 100);
	struct baton_child_grant *grants = baton_alloc(from->n_grants * sizeof(*grants));
	for (size_t i = 0; i < from->n_grants; i++) {
		const char *path = from->grants[i].path;
		grants[i].path = baton_memdupz(path, strlen(path));
		grants[i].write = from->grants[i].write;
	}
	o->grants = grants;
}

static void release(void *p)
{
	baton_free(p);
}

static void child_free(struct baton_child *child)
{
	struct baton_child_options *o = &child->options;
	/* Ours, although the options of others are const. */
	union {
		const void *theirs;
		void *ours;
	} all[] = { { o->modhost }, { o->path }, { o->name } };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		release(all[i].ours);
	for (size_t i = 0; i < o->n_grants; i++)
		release((union {
				const void *theirs;
				void *ours;
			}){ o->grants[i].path }
				.ours);
	release((union {
			const void *theirs;
			void *ours;
		}){ o->grants }
			.ours);
	baton_buf_done(&child->descriptor);
	baton_arena_done(&child->arena);
	baton_beacon_free(&child->beacon);
	if (child->beacon_fd >= 0)
		(void)close(child->beacon_fd);
	if (child->wake >= 0)
		(void)close(child->wake);
	(void)pthread_cond_destroy(&child->told);
	(void)pthread_mutex_destroy(&child->lock);
	baton_free(child);
}

static int keeper_start(struct baton_child *child)
{
	pthread_attr_t attr;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, KEEPER_STACK_BYTES);
	int rc = pthread_create(&child->keeper, &attr, baton_keeper_main, child);
	(void)pthread_attr_destroy(&attr);
	return rc == 0 ? 0 : BATON_E_IO;
}

/* The first life got as far as it was asked to, or ended. The keeper has the deadline. */
static enum baton_child_state wait_above(struct baton_child *child, enum baton_child_state below)
{
	(void)pthread_mutex_lock(&child->lock);
	while (child->state <= below)
		(void)pthread_cond_wait(&child->told, &child->lock);
	enum baton_child_state state = child->state;
	(void)pthread_mutex_unlock(&child->lock);
	return state;
}

int baton_child_start(const struct baton_child_options *options, struct baton_child **ret_child,
		      const baton_module **ret_entry, char *why, size_t cap)
{
	struct baton_child *child = baton_new(struct baton_child);
	keep_options(child, options);
	child->host = options->host;
	child->control = -1;
	(void)pthread_mutex_init(&child->lock, NULL);
	(void)pthread_cond_init(&child->told, NULL);
	child->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	child->beacon_fd = -1;
	if (child->wake < 0 || baton_beacon_new(&child->beacon, &child->beacon_fd) < 0 ||
	    keeper_start(child) < 0) {
		(void)snprintf(why, cap, "no descriptor or no thread for a process");
		child_free(child);
		return BATON_E_IO;
	}
	if (wait_above(child, BATON_CHILD_STARTING) == BATON_CHILD_ENDED) {
		(void)pthread_join(child->keeper, NULL);
		(void)snprintf(why, cap, "%s", child->how);
		int rc = child->starts ? BATON_E_MODULE : BATON_E_IO;
		child_free(child);
		return rc;
	}
	*ret_child = child;
	*ret_entry = &child->entry;
	return 0;
}

void baton_child_stop(struct baton_child **child)
{
	struct baton_child *c = *child;
	*child = NULL;
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stopping = true;
	c->ctx = NULL;
	(void)pthread_mutex_unlock(&c->lock);
	baton_keeper_wake(c);
	(void)pthread_join(c->keeper, NULL);
	(void)pthread_mutex_lock(&c->lock);
	bool in_use = c->proxies != NULL;
	(void)pthread_mutex_unlock(&c->lock);
	/* A caller's mistake; rather a little memory lost than an instance that looks into it. */
	if (in_use)
		baton_log(BATON_LOG_ERROR, "module_process_in_use", "s", "module", c->options.name);
	else
		child_free(c);
}

void baton_child_view(struct baton_child *child, struct baton_child_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)pthread_mutex_lock(&child->lock);
	ret->pid = child->pid;
	ret->starts = child->starts;
	ret->crashes = child->crashes;
	ret->up_ms = child->pid ? baton_spawn_ms() - child->since_ms : 0;
	if (child->crashes)
		memcpy(ret->last_how, child->how, sizeof(ret->last_how));
	memcpy(ret->sandbox, child->sandbox, sizeof(ret->sandbox));
	(void)pthread_mutex_unlock(&child->lock);
}

/* --- load -------------------------------------------------------------------------------- */

/* `*mod` is the child already: the loader has put it there. */
int32_t baton_child_load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	struct baton_child *child = *mod;
	(void)host;
	if (!child)
		return BATON_E_INVAL;
	(void)pthread_mutex_lock(&child->lock);
	child->ctx = ctx;
	child->load_due = true;
	if (child->host->get && child->host->get(ctx, "host.sign/1"))
		child->parts |= BATON_PART_SIGN;
	(void)pthread_mutex_unlock(&child->lock);
	baton_keeper_wake(child);
	if (wait_above(child, BATON_CHILD_LOADING) == BATON_CHILD_ENDED)
		return BATON_E_IO;
	return child->load_rc;
}
