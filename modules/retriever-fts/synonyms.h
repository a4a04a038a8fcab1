/* SPDX-License-Identifier: Apache-2.0 */

/* Other words for the same thing, as customers and shops use them: who asks for a "package" is
 * answered by an article about parcels. */
#pragma once

#include <stddef.h>

/* Steps through the other words of the group that `word` (lower case) is in; NULL at the end or if
 * it is in none. Begin with *at = 0. */
const char *synonym_next(const char *word, size_t n, size_t *at);
