/* SPDX-License-Identifier: Apache-2.0 */

/* What words can be to a customer who asks for a person: bits of asks.def. Internal to asks.c and its
 * test. */
#pragma once

enum {
	WANTS = 1,
	PERSON = 2,
	BARE = 4,
	BESIDE = 8,
	COURTEOUS = 16,
	SPOILS = 32,
	SPEAKS = 64,
	REFUSES = 128
};
