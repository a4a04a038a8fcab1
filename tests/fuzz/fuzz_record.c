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
		size_t payloads = 0;
		FUZZ_CHECK(stored.sealed >= copy && stored.sealed + stored.sealed_n <= copy + n);
		FUZZ_CHECK(stored.header_n + stored.payload_n + BATON_TAG_BYTES == stored.sealed_n);
		FUZZ_CHECK(stored.seq - stored.first_seq == stored.n_records - 1);
		for (uint32_t i = 0; i < stored.n_records; i++) {
			struct baton_record record;
			baton_stored_record(&stored, i, &record);
			payloads += record.payload.n;
		}
		FUZZ_CHECK(payloads == stored.payload_n);
		uint8_t *out = malloc(stored.payload_n + 1);
		if (out) /* nobody guesses a tag */
			FUZZ_CHECK(baton_stored_open(&seal, key, &stored, out) < 0);
		free(out);
	}
	free(copy);
}

/* Seals `payload` as one record or, cut, as two; opens it, changes one bit and tries again. */
static void seal_and_change(baton_str payload, size_t at, uint8_t bit)
{
	size_t n, half = payload.n < BATON_FRAME_BYTES / 2 ? at % (payload.n + 1) : payload.n;
	struct baton_record records[2] = {
		{ .seq = 5, .type = 3, .payload = { payload.p, half } },
		{ .seq = 6, .type = 4, .payload = { payload.p + half, payload.n - half } },
	};
	struct baton_record second = { 0 };
	struct baton_stored in = { .slot = 1 }, out;

	in.n_records = (uint32_t)baton_stored_fit(records, half < payload.n ? 2 : 1, &n);
	uint8_t *bytes = malloc(n), *clear = malloc(payload.n + 1);
	if (bytes && clear) {
		baton_stored_write(&in, records, bytes);
		baton_stored_seal(&seal, key, &in, bytes);
		FUZZ_CHECK(baton_stored_length(bytes) == n);
		FUZZ_CHECK(baton_stored_read(bytes, n, &out) == 0);
		FUZZ_CHECK(out.first_seq == 5 && out.n_records == in.n_records);
		FUZZ_CHECK(out.payload_n == payload.n);
		baton_stored_record(&out, out.n_records - 1, &second);
		FUZZ_CHECK(second.seq == out.seq && second.type == out.n_records + 2);
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
