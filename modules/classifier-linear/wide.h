/* SPDX-License-Identifier: Apache-2.0 */

/* The loops in which training and serving spend their time: sums over rows of weights. Each is
 * compiled twice, and the processor says which one runs; both give the same bits, because every sum
 * is made in the same order. */
#pragma once

#include "vectors.h"

#include <stddef.h>
#include <stdint.h>

/* sum[c] += rows[i][c] over n rows; a row has `width` columns, a multiple of 8. All 32-aligned. */
void wide_add_rows(const float *weights, const uint32_t *rows, uint32_t n, uint32_t width,
		   float *sum);
/* sum[c] += scale * scales[row] * rows[i][c] of int8 rows. */
void wide_add_bytes(const int8_t *weights, const float *scales, const uint32_t *rows, uint32_t n,
		    uint32_t width, float scale, float *sum);
/* sum[d] += scale * v[d] over VECTORS_DIMS. */
void wide_add_vector(const int8_t *v, float scale, float *sum);
/* sum[d] += scale * v[d] over VECTORS_DIMS. */
void wide_add_scaled(const float *v, float scale, float *sum);
/* rows[i][c] += v[c] over n rows, each of them once. */
void wide_add_to_rows(float *weights, const uint32_t *rows, uint32_t n, uint32_t width,
		      const float *v);
/* sum[c] += x . rows[c] over n rows of VECTORS_DIMS. */
void wide_dots(const float *x, const float *rows, uint32_t n, float *sum);
