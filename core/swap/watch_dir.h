/* SPDX-License-Identifier: Apache-2.0 */

/* Watches one directory and its folders, and says when what is in it has changed and is at rest: no file
 * was written, moved or removed for `settle_ms`, and two looks at all bytes found the same. So a
 * set that is being copied, a module that is being linked or an editor that saves by way of another
 * name is told of once, when it is done.
 *
 * Only files whose names have one of the endings count, and none that begins with a dot or a hash:
 * editors' leftovers have other ones. What was told once is not told again until the bytes differ.
 * The directory may be a link, and links in it may be exchanged (as Kubernetes does). Host code;
 * inotify. One thread: the loop's; files are read on a pool thread.
 */
#pragma once

#include "core/loop/loop.h"

struct baton_dir_watch;

struct baton_dir_watch_options {
	const char *path;        /* copied */
	const char *const *ends; /* ".yaml", ".so"; NULL ends the list, which outlives the watch */
	uint32_t settle_ms;
	void *ud;
	void (*settled)(void *ud); /* on the loop. What was there at the start is not told. */
};

/* NULL if the system gives no inotify instance: then nothing is watched. [loop] */
struct baton_dir_watch *baton_dir_watch_new(struct baton_loop *loop,
					    const struct baton_dir_watch_options *options);
void baton_dir_watch_settle(struct baton_dir_watch *watch, uint32_t settle_ms);
/* Nothing is told any more. [loop] */
void baton_dir_watch_free(struct baton_dir_watch **watch);

/* Would a file of this name count? */
bool baton_dir_watch_counts(const char *name, const char *const *ends);
