/* SPDX-License-Identifier: Apache-2.0 */

/* When module code inside the server's process crashes or holds a loop for good: who it was is
 * written down before the process ends, and at the next start it is read, said and told to the
 * shelf, so that the module does not do it again.
 *
 * The record is a page of DATA/run/crash-record, mapped in advance; the handler only stores into it.
 * Then the signal takes its usual course: the core dump is as it would have been.
 *
 * At start, in this order, before anything is staged:
 *	crash_settle(run_dir, shelf);
 *	crash_install(run_dir);
 *	crash_watch_start();      (behind the signal mask: its thread takes no signals)
 * and at the end:
 *	crash_watch_stop();
 *	crash_remove();
 * Threads need nothing: their first visit to a module gives them a stack for the handler. Under the
 * sanitizers nothing is installed: they report better than we do. Internal to core/server. */
#pragma once

#include "core/base/buf.h"
#include "core/module/shelf.h"

enum {
	CRASH_BOOT_MS = 10000, /* so soon after start it would happen again at the next start */
	CRASH_HANG_MS = 10000, /* a function of a module that must not block is given up */
	CRASH_LOOK_MS = 250
};

enum crash_kind {
	CRASH_SIGNAL,
	CRASH_HANG, /* it held its loop, and was given up */
	CRASH_EXIT  /* a library that it had called has called exit() */
};

struct crash_record {
	uint32_t magic, size;
	uint32_t state; /* 0 nothing, 1 being written, 2 whole */
	uint32_t kind;  /* enum crash_kind */
	int32_t signal, code, tid; /* CRASH_EXIT: `code` is the exit code */
	uint32_t has_offset, offset_is_exact; /* not exact: where it had called a library from */
	uint64_t started_unix_ms, unix_ms;
	uint64_t generation, address, pc, offset;
	uint8_t sha256[32];
	char module[64]; /* "": nobody's module, the server itself */
	char version[32], where[32], thread[16];
};

/* Reads what the last process left, logs it, tells the shelf, removes it. True if there was one;
 * ret_record may be NULL. A damaged record is logged and removed. */
bool crash_settle(const char *run_dir, struct baton_shelf *shelf, struct crash_record *ret_record);
/* "provider.acme gen 7 at offset 0x10f9 in start: SIGSEGV" */
void crash_text(const struct crash_record *record, struct baton_buf *out);

/* 0, or BATON_E_IO (logged): then crashes are not attributed, and all else works. */
int crash_install(const char *run_dir);
/* Handlers as they were before, and no record. */
void crash_remove(void);
/* The watchdog: one thread that looks at all beacons four times a second. A visit that must not
 * block and is the same for CRASH_HANG_MS gets SIGABRT on its own thread, so that the record and the
 * core show where it was. `look_ms` and `hang_ms` 0: the constants. */
int crash_watch_start(uint32_t look_ms, uint32_t hang_ms);
void crash_watch_stop(void);
