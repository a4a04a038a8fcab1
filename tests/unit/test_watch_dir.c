/* SPDX-License-Identifier: Apache-2.0 */

/* A directory that is watched: what is told, when, and how often. Real files and a real loop, whose
 * timers say when a step is taken. */

#include "tests/unit/unit.h"

#include "core/loop/loop.h"
#include "core/module/scratch.h"
#include "core/swap/watch_dir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTLE_MS = 150, STEP_MS = 4 * SETTLE_MS, GUARD_MS = 20000 };

struct scene {
	char dir[BATON_SCRATCH_BYTES], set[BATON_SCRATCH_BYTES + 16];
	struct baton_loop *loop;
	struct baton_dir_watch *watch;
	unsigned told, wanted, step;
	bool late;
	uint64_t told_ns, wrote_ns;
	void (*steps[8])(struct scene *scene); /* one after the other, STEP_MS apart */
};

static const char *const ends[] = { ".yaml", ".md", NULL };

static void path_of(const struct scene *scene, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", scene->set, name);
}

static void put(struct scene *scene, const char *name, const char *text)
{
	char path[256];

	path_of(scene, name, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	scene->wrote_ns = baton_loop_now_ns(scene->loop);
}

static void settled(void *ud)
{
	struct scene *scene = ud;

	scene->told++;
	scene->told_ns = baton_loop_now_ns(scene->loop);
	if (scene->told == scene->wanted && !scene->steps[scene->step])
		baton_loop_stop(scene->loop);
}

static void next(void *ud)
{
	struct scene *scene = ud;

	if (!scene->steps[scene->step]) {
		/* Everything was done, and had its time. */
		baton_loop_stop(scene->loop);
		return;
	}
	scene->steps[scene->step++](scene);
	(void)baton_loop_timer(scene->loop, STEP_MS, next, scene);
}

static void too_late(void *ud)
{
	struct scene *scene = ud;

	scene->late = true;
	baton_loop_stop(scene->loop);
}

static void begin(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	assert_int_equal(baton_scratch_make(scene->dir, "watch"), BATON_OK);
	snprintf(scene->set, sizeof(scene->set), "%s/set", scene->dir);
	assert_int_equal(mkdir(scene->set, 0700), 0);
	scene->loop = baton_loop_new("watch");
	put(scene, "routes.yaml", "a: 1\n");
	scene->wanted = UINT32_MAX;
}

/* Plays the steps; the watch sees the state of before the first. */
static void play(struct scene *scene)
{
	struct baton_dir_watch_options options = { .path = scene->set,
						   .ends = ends,
						   .settle_ms = SETTLE_MS,
						   .ud = scene,
						   .settled = settled };

	scene->watch = baton_dir_watch_new(scene->loop, &options);
	assert_non_null(scene->watch);
	(void)baton_loop_timer(scene->loop, GUARD_MS, too_late, scene);
	(void)baton_loop_timer(scene->loop, SETTLE_MS * 2, next, scene);
	baton_loop_run(scene->loop);
	baton_dir_watch_free(&scene->watch);
	assert_null(scene->watch);
	baton_loop_free(&scene->loop);
	baton_scratch_drop(scene->dir);
	assert_false(scene->late);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void change(struct scene *scene)
{
	put(scene, "routes.yaml", "a: 2\n");
}
static void change_back(struct scene *scene)
{
	put(scene, "routes.yaml", "a: 1\n");
}
static void touch(struct scene *scene)
{
	put(scene, "routes.yaml", "a: 1\n");
}
static void add(struct scene *scene)
{
	put(scene, "modes.yaml", "b: 1\n");
}
static void take_away(struct scene *scene)
{
	char path[256];

	path_of(scene, "modes.yaml", path);
	assert_int_equal(unlink(path), 0);
}
static void litter(struct scene *scene)
{
	static const char *const names[] = { ".routes.yaml.swp", "routes.yaml~",  "4913",
					     "#routes.yaml#",    ".#routes.yaml", "routes.yaml.bak",
					     "notes.txt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(scene, names[i], "x");
}
static void save_as_editors_do(struct scene *scene)
{
	char from[256], to[256];

	path_of(scene, "routes.yaml", from);
	path_of(scene, "routes.yaml~", to);
	assert_int_equal(rename(from, to), 0);
	put(scene, "routes.yaml.tmp", "a: 3\n");
	path_of(scene, "routes.yaml.tmp", to);
	assert_int_equal(rename(to, from), 0);
	path_of(scene, "routes.yaml~", to);
	assert_int_equal(unlink(to), 0);
}
static void make_folder(struct scene *scene)
{
	char path[256];

	path_of(scene, "intents", path);
	assert_int_equal(mkdir(path, 0700), 0);
	put(scene, "intents/all.yaml", "c: 1\n");
}
static void change_in_folder(struct scene *scene)
{
	put(scene, "intents/all.yaml", "c: 2\n");
}
static void exchange_directory(struct scene *scene)
{
	char old[128];

	snprintf(old, sizeof(old), "%s/old", scene->dir);
	assert_int_equal(rename(scene->set, old), 0);
	assert_int_equal(mkdir(scene->set, 0700), 0);
	put(scene, "routes.yaml", "a: 9\n");
}

/* --- promises --------------------------------------------------------------------------------- */

static void a_change_is_told_once_when_it_is_at_rest(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = change;
	play(&scene);
	assert_int_equal(scene.told, 1);
	assert_true(scene.told_ns - scene.wrote_ns >= SETTLE_MS * 1000000ull);
}

static void what_was_there_and_what_has_the_same_bytes_is_not_told(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = touch;
	scene.steps[1] = touch;
	play(&scene);
	assert_int_equal(scene.told, 0);
}

static void each_further_change_is_told(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = change;
	scene.steps[1] = change_back;
	scene.steps[2] = add;
	scene.steps[3] = take_away;
	play(&scene);
	assert_int_equal(scene.told, 4);
}

static void editors_leftovers_are_nobodys_business(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = litter;
	play(&scene);
	assert_int_equal(scene.told, 0);
	begin(&scene);
	scene.steps[0] = save_as_editors_do;
	play(&scene);
	assert_int_equal(scene.told, 1);
}

static void folders_and_new_ones_count(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = make_folder;
	scene.steps[1] = change_in_folder;
	play(&scene);
	assert_int_equal(scene.told, 2);
}

static void a_directory_that_is_exchanged_is_followed(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.steps[0] = exchange_directory;
	scene.steps[1] = add;
	play(&scene);
	assert_int_equal(scene.told, 2);
}

/* A set that is copied bit by bit: one word for all of it. */
struct copying {
	struct scene scene;
	unsigned n;
};

static void copy_on(void *ud)
{
	struct copying *copying = ud;
	char name[32];

	if (copying->n == 12)
		return;
	assert_int_equal(copying->scene.told, 0);
	snprintf(name, sizeof(name), "part-%u.yaml", copying->n++);
	put(&copying->scene, name, "x: 1\n");
	(void)baton_loop_timer(copying->scene.loop, SETTLE_MS / 6, copy_on, copying);
}

static void copy_slowly(struct scene *scene)
{
	copy_on((struct copying *)(void *)scene);
}
static void nothing(struct scene *scene)
{
	(void)scene;
}

static void a_set_that_is_being_copied_is_told_when_it_is_there(void **state)
{
	struct copying copying = { .n = 0 };

	(void)state;
	begin(&copying.scene);
	copying.scene.steps[0] = copy_slowly;
	copying.scene.steps[1] = nothing;
	play(&copying.scene);
	assert_int_equal(copying.n, 12);
	assert_int_equal(copying.scene.told, 1);
	assert_true(copying.scene.told_ns - copying.scene.wrote_ns >= SETTLE_MS * 1000000ull);
}

/* As Kubernetes mounts a ConfigMap: ..data is a link to a directory, and is exchanged. */
static void exchange_link(struct scene *scene)
{
	char two[256], link[256], data[256];

	path_of(scene, "..two", two);
	path_of(scene, "..tmp", link);
	path_of(scene, "..data", data);
	assert_int_equal(mkdir(two, 0700), 0);
	put(scene, "..two/links.yaml", "v: 2\n");
	assert_int_equal(symlink("..two", link), 0);
	assert_int_equal(rename(link, data), 0);
}

static void a_config_map_that_is_exchanged_is_told(void **state)
{
	struct scene scene;
	char path[256];

	(void)state;
	begin(&scene);
	path_of(&scene, "..one", path);
	assert_int_equal(mkdir(path, 0700), 0);
	put(&scene, "..one/links.yaml", "v: 1\n");
	path_of(&scene, "..data", path);
	assert_int_equal(symlink("..one", path), 0);
	path_of(&scene, "links.yaml", path);
	assert_int_equal(symlink("..data/links.yaml", path), 0);
	scene.steps[0] = exchange_link;
	play(&scene);
	assert_int_equal(scene.told, 1);
}

static void stop(void *ud)
{
	struct scene *scene = ud;

	baton_loop_stop(scene->loop);
}

static void a_watch_may_end_while_it_looks(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	struct baton_dir_watch_options options = { .path = scene.set,
						   .ends = ends,
						   .settle_ms = SETTLE_MS,
						   .ud = &scene,
						   .settled = settled };
	struct baton_dir_watch *watch = baton_dir_watch_new(scene.loop, &options);
	baton_dir_watch_free(&watch);
	baton_dir_watch_free(&watch);
	(void)baton_loop_timer(scene.loop, 50, stop, &scene);
	baton_loop_run(scene.loop);
	baton_loop_free(&scene.loop);
	assert_int_equal(scene.told, 0);
	baton_scratch_drop(scene.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_once_when_it_is_at_rest),
		cmocka_unit_test(what_was_there_and_what_has_the_same_bytes_is_not_told),
		cmocka_unit_test(each_further_change_is_told),
		cmocka_unit_test(editors_leftovers_are_nobodys_business),
		cmocka_unit_test(folders_and_new_ones_count),
		cmocka_unit_test(a_directory_that_is_exchanged_is_followed),
		cmocka_unit_test(a_set_that_is_being_copied_is_told_when_it_is_there),
		cmocka_unit_test(a_config_map_that_is_exchanged_is_told),
		cmocka_unit_test(a_watch_may_end_while_it_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
