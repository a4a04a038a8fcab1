/* SPDX-License-Identifier: Apache-2.0 */

/* A shared object, but nothing says that it is a module. */
#define FIXTURE_NO_NOTE
#include "fixture.h"
