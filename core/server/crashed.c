/* SPDX-License-Identifier: Apache-2.0 */

/* A module's process died. It starts again by itself; here it is told, counted on the shelf, and
 * at the third time in five minutes put into quarantine: then the last good file of that module
 * takes its place, or a candidate goes. */

#include "core/server/releases.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdio.h>

struct crash_mail {
	struct baton_mail mail;
	struct loader *loader;
	uint64_t generation;
	uint8_t sha256[32];
	char module[BATON_NAME_BYTES_MAX + 1], how[200];
};

/* The live release has the generation. */
static bool is_live(const struct loader *loader, uint64_t generation)
{
	struct baton_generation_view view;

	for (size_t i = 0; loader->live && i < baton_release_size(loader->live->release); i++) {
		baton_release_view(loader->live->release, i, &view);
		if (view.number == generation)
			return true;
	}
	return false;
}

static void said(void *ud, const struct loader_answer *answer)
{
	(void)ud;
	baton_log(answer->code < 0 ? BATON_LOG_ERROR : BATON_LOG_NOTICE, "module_brought_back", "s",
		  "answer", answer->text);
}

static void bring_back(struct loader *loader, const struct crash_mail *crash, const char *reason)
{
	struct loader_request request = { .cause = "crash" };
	struct baton_shelf_file good;

	snprintf(request.why, sizeof(request.why), "%s: %.400s", crash->module, reason);
	if (!is_live(loader, crash->generation)) {
		request.verb = LOADER_ROLLBACK;
	} else if (baton_shelf_good(loader->shelf, crash->module, 0, &good) == 0) {
		request.verb = LOADER_SWAP;
		memcpy(request.module, crash->module, sizeof(request.module));
		memcpy(request.path, good.path, sizeof(request.path));
	} else {
		baton_log(BATON_LOG_ERROR, "module_without_good_file", "ss", "module",
			  crash->module, "hint",
			  "no earlier file of it is on the shelf: give it a good one and reload");
		return;
	}
	if (request.verb == LOADER_ROLLBACK && !loader->candidate)
		return; /* it drains already */
	loader_ask(loader->server, &request, &(struct loader_asker){ .done = said });
}

static void tell(struct loader *loader, const struct crash_mail *crash, const char *state,
		 const char *reason)
{
	release_log_step(loader, &(struct baton_module_step){ .module = crash->module,
							      .state = state,
							      .reason = reason,
							      .version = "",
							      .sha256 = crash->sha256,
							      .generation = crash->generation });
}

static void deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct crash_mail *crash = (struct crash_mail *)mail;
	struct loader *loader = crash->loader;
	char reason[BATON_SHELF_REASON_MAX + 128] = "";

	if (loop) {
		tell(loader, crash, "crashed", crash->how);
		if (baton_shelf_crashed(loader->shelf, crash->module, crash->sha256,
					BATON_SHELF_CRASH, crash->how)) {
			(void)baton_shelf_quarantined(loader->shelf, crash->sha256, reason,
						      sizeof(reason));
			tell(loader, crash, "quarantined", reason);
			loader_count_quarantine(loader);
			bring_back(loader, crash, reason);
		}
	}
	baton_free(crash);
}

void loader_crashed(void *ud, const struct baton_module_crash *said_crash)
{
	struct loader *loader = ud;
	struct crash_mail *crash = baton_new(struct crash_mail);

	crash->mail.deliver = deliver;
	crash->loader = loader;
	crash->generation = said_crash->generation;
	memcpy(crash->sha256, said_crash->sha256, sizeof(crash->sha256));
	snprintf(crash->module, sizeof(crash->module), "%s", said_crash->module);
	snprintf(crash->how, sizeof(crash->how), "%s", said_crash->how);
	baton_log(BATON_LOG_ERROR, "module_crashed", "sus", "module", crash->module, "generation",
		  crash->generation, "how", crash->how);
	/* Before the thread runs, it waits in the loop's box. */
	if (loader->loop)
		baton_loop_post(loader->loop, &crash->mail);
	else
		baton_free(crash);
}
