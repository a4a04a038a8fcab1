/* SPDX-License-Identifier: Apache-2.0 */

/* What cannot happen. baton_assert is always compiled in and ends the process; it guards what a
 * customer's conversation rests on. It is an expression, so that it counts as no branch for the
 * complexity gate. Expected failures are results, never asserts; a module can never trip one. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((noreturn, cold)) void baton_assert_failed(const char *what, const char *file,
							 int line);

#define baton_assert(e) ((e) ? (void)0 : baton_assert_failed(#e, __FILE__, __LINE__))

#ifdef __cplusplus
}
#endif
