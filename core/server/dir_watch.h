/* SPDX-License-Identifier: Apache-2.0 */

/* `watch: true` in releases.yaml: the policies and the modules directory are watched, and when they
 * are at rest again after a change, the loader is asked to reload. On the control thread's loop. What
 * is refused is said once, and asked again only when the files differ again. Internal to core/server.
 */
#pragma once

struct control;
struct dir_watch;

/* [control] */
struct dir_watch *dir_watch_start(struct control *control);
/* NULL-tolerant. The loader has stopped: nobody answers any more. [control] */
void dir_watch_stop(struct dir_watch **watch);
