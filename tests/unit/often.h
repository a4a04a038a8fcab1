/* SPDX-License-Identifier: Apache-2.0 */

/* How often a test by chance is run. Under sanitizers a round takes six times as long and looks for
 * something else (bad memory, not rare luck): a tenth of the rounds finds it. */
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OFTEN(n) ((n) / 10)
#else
#define OFTEN(n) (n)
#endif
