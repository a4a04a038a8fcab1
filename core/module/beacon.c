/* SPDX-License-Identifier: Apache-2.0 */

/* Places and beacons. Surprising: the thread-local pointer uses the initial-exec model, so that a
 * signal handler may read it; with the other model the first access of a thread allocates. */
#include "core/module/beacon.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIGNAL_STACK_BYTES = 64 * 1024 };

/* The sanitizers bring a stack and handlers of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { OWN_STACK = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { OWN_STACK = 0 };
#else
enum { OWN_STACK = 1 };
#endif
#else
enum { OWN_STACK = 1 };
#endif

/* --- places ------------------------------------------------------------------------------- */

static struct baton_place places[BATON_PLACES_MAX];

static void keep(char *to, size_t cap, const char *text)
{
	size_t n = strnlen(text, cap - 1);
	memcpy(to, text, n);
	to[n] = 0;
}

struct baton_place *baton_place_new(const char *module, const char *version, uint64_t generation,
				    const uint8_t sha256[32])
{
	for (size_t i = 0; i < BATON_PLACES_MAX; i++) {
		struct baton_place *place = &places[i];
		unsigned no = 0;
		if (!atomic_compare_exchange_strong(&place->taken, &no, 1))
			continue;
		place->generation = generation;
		memcpy(place->sha256, sha256, sizeof(place->sha256));
		keep(place->module, sizeof(place->module), module);
		keep(place->version, sizeof(place->version), version);
		place->base = 0;
		return place;
	}
	return NULL;
}

struct find {
	struct baton_place *place;
	uintptr_t inside;
};

static bool covers(const struct dl_phdr_info *object, uintptr_t address)
{
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &object->dlpi_phdr[i];
		if (s->p_type == PT_LOAD && address - (object->dlpi_addr + s->p_vaddr) < s->p_memsz)
			return true;
	}
	return false;
}

static int find_object(struct dl_phdr_info *object, size_t size, void *ud)
{
	struct find *find = ud;
	unsigned n = 0;
	(void)size;
	if (!covers(object, find->inside))
		return 0;
	find->place->base = object->dlpi_addr;
	for (unsigned i = 0; i < object->dlpi_phnum && n < BATON_PLACE_RANGES_MAX; i++) {
		const ElfW(Phdr) *s = &object->dlpi_phdr[i];
		if (s->p_type != PT_LOAD || !(s->p_flags & PF_X))
			continue;
		uintptr_t begin = object->dlpi_addr + s->p_vaddr;
		find->place->ranges[n++] = (struct baton_place_range){ begin, begin + s->p_memsz };
	}
	atomic_store_explicit(&find->place->n_ranges, n, memory_order_release);
	return 1;
}

void baton_place_mapped(struct baton_place *place, const void *inside)
{
	struct find find = { place, (uintptr_t)inside };
	if (place)
		(void)dl_iterate_phdr(find_object, &find);
}

void baton_place_done(struct baton_place **place)
{
	struct baton_place *gone = *place;
	*place = NULL;
	if (!gone)
		return;
	atomic_store(&gone->n_ranges, 0);
	atomic_store(&gone->taken, 0);
}

bool baton_place_has(const struct baton_place *place, uintptr_t address)
{
	unsigned n = place ? atomic_load_explicit(&place->n_ranges, memory_order_acquire) : 0;
	for (unsigned i = 0; i < n; i++)
		if (address >= place->ranges[i].begin && address < place->ranges[i].end)
			return true;
	return false;
}

const struct baton_place *baton_place_at(uintptr_t address)
{
	for (size_t i = 0; i < BATON_PLACES_MAX; i++)
		if (baton_place_has(&places[i], address))
			return &places[i];
	return NULL;
}

/* --- beacons ------------------------------------------------------------------------------ */

static struct baton_beacon beacons[BATON_BEACONS_MAX];
static _Thread_local __attribute__((tls_model("initial-exec"))) struct baton_beacon *mine;
/* For a thread beyond BATON_BEACONS_MAX: its crashes are attributed, its hangs are not seen. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct baton_beacon spare;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void stack_drop(void)
{
	stack_t now;
	if (!OWN_STACK || sigaltstack(NULL, &now) < 0 || (now.ss_flags & SS_DISABLE))
		return;
	stack_t none = { .ss_flags = SS_DISABLE };
	if (now.ss_size == SIGNAL_STACK_BYTES && sigaltstack(&none, NULL) == 0)
		(void)munmap(now.ss_sp, now.ss_size);
}

/* A module that eats its whole stack leaves none for the handler. */
static void stack_take(void)
{
	stack_t now;
	if (!OWN_STACK || sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
		return;
	void *p = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t own = { .ss_sp = p, .ss_size = SIGNAL_STACK_BYTES };
	if (p != MAP_FAILED && sigaltstack(&own, NULL) < 0)
		(void)munmap(p, SIGNAL_STACK_BYTES);
}

static void thread_ends(void *ud)
{
	struct baton_beacon *beacon = ud;
	mine = NULL;
	stack_drop();
	if (beacon == &spare)
		return;
	atomic_store(&beacon->place, NULL);
	atomic_store(&beacon->tid, 0);
}

static void make_key(void)
{
	(void)pthread_key_create(&key, thread_ends);
}

/* Out of line: what it needs on the stack would cost every visit. */
__attribute__((noinline, cold)) static struct baton_beacon *beacon_new(void)
{
	int tid = gettid();
	(void)pthread_once(&key_once, make_key);
	mine = &spare;
	for (size_t i = 0; i < BATON_BEACONS_MAX && mine == &spare; i++) {
		int no = 0;
		if (atomic_compare_exchange_strong(&beacons[i].tid, &no, tid))
			mine = &beacons[i];
	}
	atomic_store(&mine->tid, tid);
	atomic_store(&mine->place, NULL);
	(void)pthread_setspecific(key, mine);
	stack_take();
	return mine;
}

static inline void say(struct baton_beacon *beacon, const struct baton_place *place,
		       const char *where, unsigned mode)
{
	atomic_store_explicit(&beacon->where, where, memory_order_relaxed);
	atomic_store_explicit(&beacon->mode, mode, memory_order_relaxed);
	/* Last, and released: who sees the place sees what it was made of. */
	atomic_store_explicit(&beacon->place, place, memory_order_release);
}

struct baton_beacon_was baton_beacon_enter(const struct baton_place *place, const char *where,
					   enum baton_beacon_mode mode)
{
	struct baton_beacon *beacon = mine ? mine : beacon_new();
	struct baton_beacon_was was = {
		atomic_load_explicit(&beacon->place, memory_order_relaxed),
		atomic_load_explicit(&beacon->where, memory_order_relaxed),
		atomic_load_explicit(&beacon->mode, memory_order_relaxed),
	};
	uint64_t serial = atomic_load_explicit(&beacon->serial, memory_order_relaxed);
	atomic_store_explicit(&beacon->serial, serial + 1, memory_order_relaxed);
	say(beacon, place, where, mode);
	return was;
}

void baton_beacon_leave(struct baton_beacon_was was)
{
	if (mine)
		say(mine, was.place, was.where, was.mode);
}

const struct baton_beacon *baton_beacon_mine(void)
{
	return mine;
}

const struct baton_beacon *baton_beacon_number(size_t i)
{
	return i < BATON_BEACONS_MAX ? &beacons[i] : NULL;
}
