/* SPDX-License-Identifier: Apache-2.0 */

/* cmocka wants these before its own header; every unit test begins here. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
