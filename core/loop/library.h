/* SPDX-License-Identifier: Apache-2.0 */

/* A library that few of our commands need and that brings many others with it is loaded when its
 * first function is called, not when the process starts: with libcurl's thirty and libjose a
 * command that only asks the server something would spend three quarters of its time on linking. */
#pragma once

#include <stddef.h>

/* NULL: it cannot be loaded, why says so. Never unloaded. */
void *baton_library_open(const char *file, char *why, size_t cap);
/* Puts the address of what the library calls `name` into *place, a pointer to a function. One that
 * is not there ends the process: this is not the library we were compiled for. */
void baton_library_find(void *library, const char *name, void *place);
