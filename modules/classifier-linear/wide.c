/* SPDX-License-Identifier: Apache-2.0 */

/* See wide.h. The bodies are vectors of eight; without AVX2 the compiler makes two of four each.
 * Surprising: gcc widens eight bytes with one instruction if they are named one by one, and with
 * thirty if __builtin_convertvector() is asked. */

#include "wide.h"

typedef float float8 __attribute__((vector_size(32), aligned(4)));
typedef int32_t int8 __attribute__((vector_size(32)));
enum { BLOCKS = 4 };
#define BODY static inline __attribute__((always_inline)) void

BODY widen(const int8_t *q, float8 *ret)
{
	const int8 wide = { q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7] };

	*ret = __builtin_convertvector(wide, float8);
}

/* `blocks` sums of eight, which stay in registers while all rows are walked. */
BODY add_blocks(const float *weights, const uint32_t *rows, uint32_t n, uint32_t width, float8 *z,
		const unsigned blocks)
{
	float8 sum[BLOCKS];

#pragma GCC unroll 4
	for (unsigned c = 0; c < blocks; c++)
		sum[c] = z[c];
	for (uint32_t i = 0; i < n; i++) {
		const float8 *w = (const float8 *)(const void *)(weights + (size_t)rows[i] * width);

#pragma GCC unroll 4
		for (unsigned c = 0; c < blocks; c++)
			sum[c] += w[c];
	}
#pragma GCC unroll 4
	for (unsigned c = 0; c < blocks; c++)
		z[c] = sum[c];
}

BODY add_rows(const float *weights, const uint32_t *rows, uint32_t n, uint32_t width, float *sum)
{
	float8 *z = (float8 *)(void *)sum;
	uint32_t left = width / 8;

	for (; left >= BLOCKS; left -= BLOCKS, z += BLOCKS, weights += BLOCKS * 8)
		add_blocks(weights, rows, n, width, z, BLOCKS);
	if (left == 3)
		add_blocks(weights, rows, n, width, z, 3);
	else if (left == 2)
		add_blocks(weights, rows, n, width, z, 2);
	else if (left == 1)
		add_blocks(weights, rows, n, width, z, 1);
}

/* The same of bytes. */
BODY add_byte_blocks(const int8_t *weights, const float *scales, const uint32_t *rows, uint32_t n,
		     uint32_t width, float scale, float8 *z, const unsigned blocks)
{
	float8 sum[BLOCKS], one;

#pragma GCC unroll 4
	for (unsigned c = 0; c < blocks; c++)
		sum[c] = z[c];
	for (uint32_t i = 0; i < n; i++) {
		const int8_t *w = weights + (size_t)rows[i] * width;
		float s = scale * scales[rows[i]];

#pragma GCC unroll 4
		for (unsigned c = 0; c < blocks; c++) {
			widen(w + 8 * c, &one);
			sum[c] += s * one;
		}
	}
#pragma GCC unroll 4
	for (unsigned c = 0; c < blocks; c++)
		z[c] = sum[c];
}

BODY add_bytes(const int8_t *weights, const float *scales, const uint32_t *rows, uint32_t n,
	       uint32_t width, float scale, float *sum)
{
	float8 *z = (float8 *)(void *)sum;
	uint32_t left = width / 8;

	for (; left >= BLOCKS; left -= BLOCKS, z += BLOCKS, weights += BLOCKS * 8)
		add_byte_blocks(weights, scales, rows, n, width, scale, z, BLOCKS);
	if (left == 3)
		add_byte_blocks(weights, scales, rows, n, width, scale, z, 3);
	else if (left == 2)
		add_byte_blocks(weights, scales, rows, n, width, scale, z, 2);
	else if (left == 1)
		add_byte_blocks(weights, scales, rows, n, width, scale, z, 1);
}

BODY add_vector(const int8_t *v, float scale, float *sum)
{
	float8 *z = (float8 *)(void *)sum, one;

#pragma GCC unroll 12
	for (unsigned d = 0; d < VECTORS_DIMS / 8; d++) {
		widen(v + 8 * d, &one);
		z[d] += scale * one;
	}
	for (unsigned d = VECTORS_DIMS / 8 * 8; d < VECTORS_DIMS; d++)
		sum[d] += scale * (float)v[d];
}

BODY add_scaled(const float *v, float scale, float *sum)
{
	const float8 *from = (const float8 *)(const void *)v;
	float8 *z = (float8 *)(void *)sum;

#pragma GCC unroll 12
	for (unsigned d = 0; d < VECTORS_DIMS / 8; d++)
		z[d] += scale * from[d];
	for (unsigned d = VECTORS_DIMS / 8 * 8; d < VECTORS_DIMS; d++)
		sum[d] += scale * v[d];
}

BODY add_to_rows(float *weights, const uint32_t *rows, uint32_t n, uint32_t width, const float *v)
{
	const float8 *from = (const float8 *)(const void *)v;

	for (uint32_t i = 0; i < n; i++) {
		float8 *w = (float8 *)(void *)(weights + (size_t)rows[i] * width);

		for (uint32_t c = 0; c < width / 8; c++)
			w[c] += from[c];
	}
}

BODY dots(const float *x, const float *rows, uint32_t n, float *sum)
{
	const float8 *from = (const float8 *)(const void *)x;

	for (uint32_t c = 0; c < n; c++) {
		const float *row = rows + (size_t)c * VECTORS_DIMS;
		const float8 *w = (const float8 *)(const void *)row;
		float8 all = from[0] * w[0];
		float rest = 0;

#pragma GCC unroll 12
		for (unsigned d = 1; d < VECTORS_DIMS / 8; d++)
			all += from[d] * w[d];
		for (unsigned d = VECTORS_DIMS / 8 * 8; d < VECTORS_DIMS; d++)
			rest += x[d] * row[d];
		sum[c] += all[0] + all[1] + all[2] + all[3] + all[4] + all[5] + all[6] + all[7] +
			  rest;
	}
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))
AVX2 static void add_rows_avx2(const float *weights, const uint32_t *rows, uint32_t n,
			       uint32_t width, float *sum)
{
	add_rows(weights, rows, n, width, sum);
}

AVX2 static void add_bytes_avx2(const int8_t *weights, const float *scales, const uint32_t *rows,
				uint32_t n, uint32_t width, float scale, float *sum)
{
	add_bytes(weights, scales, rows, n, width, scale, sum);
}

AVX2 static void add_vector_avx2(const int8_t *v, float scale, float *sum)
{
	add_vector(v, scale, sum);
}

AVX2 static void add_scaled_avx2(const float *v, float scale, float *sum)
{
	add_scaled(v, scale, sum);
}

AVX2 static void add_to_rows_avx2(float *weights, const uint32_t *rows, uint32_t n, uint32_t width,
				  const float *v)
{
	add_to_rows(weights, rows, n, width, v);
}

AVX2 static void dots_avx2(const float *x, const float *rows, uint32_t n, float *sum)
{
	dots(x, rows, n, sum);
}

#define IF_AVX2(call)                                 \
	do {                                          \
		if (__builtin_cpu_supports("avx2")) { \
			call;                         \
			return;                       \
		}                                     \
	} while (0)
#else
#define IF_AVX2(call) \
	do {          \
	} while (0)
#endif

void wide_add_rows(const float *weights, const uint32_t *rows, uint32_t n, uint32_t width,
		   float *sum)
{
	IF_AVX2(add_rows_avx2(weights, rows, n, width, sum));
	add_rows(weights, rows, n, width, sum);
}

void wide_add_bytes(const int8_t *weights, const float *scales, const uint32_t *rows, uint32_t n,
		    uint32_t width, float scale, float *sum)
{
	IF_AVX2(add_bytes_avx2(weights, scales, rows, n, width, scale, sum));
	add_bytes(weights, scales, rows, n, width, scale, sum);
}

void wide_add_vector(const int8_t *v, float scale, float *sum)
{
	IF_AVX2(add_vector_avx2(v, scale, sum));
	add_vector(v, scale, sum);
}

void wide_add_scaled(const float *v, float scale, float *sum)
{
	IF_AVX2(add_scaled_avx2(v, scale, sum));
	add_scaled(v, scale, sum);
}

void wide_add_to_rows(float *weights, const uint32_t *rows, uint32_t n, uint32_t width,
		      const float *v)
{
	IF_AVX2(add_to_rows_avx2(weights, rows, n, width, v));
	add_to_rows(weights, rows, n, width, v);
}

void wide_dots(const float *x, const float *rows, uint32_t n, float *sum)
{
	IF_AVX2(dots_avx2(x, rows, n, sum));
	dots(x, rows, n, sum);
}
