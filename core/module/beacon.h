/* SPDX-License-Identifier: Apache-2.0 */

/* Which module a thread is in right now, and which addresses belong to which module: what must be
 * known when the process is about to end, by code that may not lock, allocate or follow a pointer
 * into freed memory. Everything here lives in static memory and is never given back.
 *
 * A place is one mapped generation. A beacon is one thread; it is made at the thread's first visit,
 * together with a stack of its own for the signal handler, and goes with the thread.
 *
 * Who calls what: the loader makes a place before dlopen() and enters it around dlopen(), load(),
 * unload() and dlclose(); baton_visit_begin() and _end() enter and leave around every other call;
 * a job enters with BATON_BEACON_MAY_BLOCK. All of it costs a nanosecond or two. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BATON_PLACES_MAX = 1024, BATON_BEACONS_MAX = 256, BATON_PLACE_RANGES_MAX = 8 };

struct baton_place_range {
	uintptr_t begin, end;
};

struct baton_place {
	_Atomic(unsigned) taken;
	uint64_t generation;
	uint8_t sha256[32];
	char module[64];  /* its name in the policies */
	char version[32];
	uintptr_t base;   /* what the linker added to the file's addresses; offsets count from here */
	_Atomic(unsigned) n_ranges; /* 0: not mapped, or in a process of its own */
	struct baton_place_range ranges[BATON_PLACE_RANGES_MAX];
};

/* NULL if BATON_PLACES_MAX are taken: then a crash is not attributed, and nothing else changes.
 * Every function here takes NULL. Texts are copied and cut. [any] */
struct baton_place *baton_place_new(const char *module, const char *version, uint64_t generation,
				    const uint8_t sha256[32]);
/* Its segments, found by any address inside of it, such as that of its entry. Behind dlopen(). */
void baton_place_mapped(struct baton_place *place, const void *inside);
/* Behind dlclose(). A resident generation keeps its place: its code is still there to crash. */
void baton_place_done(struct baton_place **place);
/* The place an address lies in, or NULL. [any, also in a signal handler] */
const struct baton_place *baton_place_at(uintptr_t address);
/* True if code of `place` is at the address. [any, also in a signal handler] */
bool baton_place_has(const struct baton_place *place, uintptr_t address);

/* --- the thread's own word ---------------------------------------------------------------- */

enum baton_beacon_mode {
	BATON_BEACON_LOOP,     /* a function that must not block */
	BATON_BEACON_MAY_BLOCK /* a job, load(): no watchdog looks at it */
};

struct baton_beacon {
	_Atomic(int) tid; /* 0: free */
	_Atomic(const struct baton_place *) place; /* NULL: in the server's own code */
	_Atomic(const char *) where;               /* a literal: "start", "timer" */
	_Atomic(unsigned) mode;
	_Atomic(uint64_t) serial; /* counts entering: the same twice is the same visit, or none */
};

/* What was there before, for leaving: visits may lie inside each other. */
struct baton_beacon_was {
	const struct baton_place *place;
	const char *where;
	unsigned mode;
};
struct baton_beacon_was baton_beacon_enter(const struct baton_place *place, const char *where,
					   enum baton_beacon_mode mode);
void baton_beacon_leave(struct baton_beacon_was was);
/* This thread's, or NULL if it never entered anything. [any, also in a signal handler] */
const struct baton_beacon *baton_beacon_mine(void);
/* Number `i` of BATON_BEACONS_MAX; look at `tid` first. [any] */
const struct baton_beacon *baton_beacon_number(size_t i);
