/* SPDX-License-Identifier: Apache-2.0 */

/* A folder of our own for what is thrown away: copies of modules, a set that is tried, what a module under
 * test writes. It lies below $TMPDIR; below /tmp where that is unset, no absolute path, or too long. */
#pragma once

enum { BATON_SCRATCH_BYTES = 96 /* of its path, with the zero */ };

/* Makes one that nobody else has (mkdtemp: mode 0700), with `what` (a word, up to 40 bytes) in its name, and
 * writes its path to `dir`. BATON_E_IO: errno says why, and `dir` is "". Any thread. */
int baton_scratch_make(char dir[BATON_SCRATCH_BYTES], const char *what);

/* Takes it away with all that is below it; links are not followed. "": nothing. Any thread. */
void baton_scratch_drop(const char *dir);
