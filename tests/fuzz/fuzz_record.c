/* SPDX-License-Identifier: Apache-2.0 */

/* Records as they lie in the log: any bytes are read as a record inside its bounds or refused,
 * and a sealed record that was changed in any place behind its links does not open. */

#include "core/journal/stored.h"
#include "tests/fuzz/fuzz.h"

static struct baton_seal seal;
static const uint8_t key[BATON_KEY_BYTES] = { 7 };

static void read_any(const uint8_t *data, size_t n)
{
	struct baton_stored stored;
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		return;
	memcpy(copy, data, n);
	if (baton_stored_read(copy, n, &stored) == 0) {
		FUZZ_CHECK(stored.sealed >= copy && stored.sealed + stored.sealed_n <= copy + n);
		FUZZ_CHECK(baton_stored_bytes(stored.payload_n) <= n);
		uint8_t *out = malloc(stored.payload_n + 1);
		if (out) /* nobody guesses a tag */
			FUZZ_CHECK(baton_stored_open(&seal, key, &stored, out) < 0);
		free(out);
	}
	free(copy);
}

/* Seals `payload`, opens it, changes one bit and tries again. */
static void seal_and_change(baton_str payload, size_t at, uint8_t bit)
{
	size_t n = baton_stored_bytes(payload.n);
	struct baton_stored in = { .seq = 5, .type = 3, .slot = 1, .schema = BATON_STORED_SCHEMA },
			    out;
	uint8_t *bytes = malloc(n), *clear = malloc(payload.n + 1);

	if (bytes && clear) {
		in.payload_n = payload.n;
		baton_stored_write(&seal, key, &in, payload, bytes);
		FUZZ_CHECK(baton_stored_read(bytes, n, &out) == 0);
		FUZZ_CHECK(out.seq == 5 && out.type == 3 && out.payload_n == payload.n);
		FUZZ_CHECK(baton_stored_open(&seal, key, &out, clear) == 0);
		FUZZ_CHECK(payload.n == 0 || memcmp(clear, payload.p, payload.n) == 0);
		bytes[BATON_LINKS_BYTES + at % (n - BATON_LINKS_BYTES)] ^=
			(uint8_t)(1u << (bit % 8));
		FUZZ_CHECK(baton_stored_read(bytes, n, &out) < 0 ||
			   baton_stored_open(&seal, key, &out, clear) < 0);
	}
	free(bytes);
	free(clear);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;

	if (!ready)
		baton_seal_init(&seal);
	ready = true;
	read_any(data, n);
	size_t at = fuzz_byte(&data, &n) | (size_t)fuzz_byte(&data, &n) << 8;
	seal_and_change(fuzz_rest(data, n), at, fuzz_byte(&data, &n));
	return 0;
}
