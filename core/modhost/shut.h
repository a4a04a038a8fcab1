/* SPDX-License-Identifier: Apache-2.0 */

/* The probe's door: no sockets, no other programs, no other processes. Less than what holds a module
 * in a process of its own (sandbox.h): a module that will run in the server may open its files, and
 * the probe must not refuse what the server would allow. */
#pragma once

#include <stdbool.h>

/* For this process and for good. False: the kernel has no such filter; the probe goes on without. */
bool shut_door(void);
