/* SPDX-License-Identifier: Apache-2.0 */

/* The part of the host that signs for modules: "host.sign/1", see baton/sign.h. */
#pragma once

#include <baton/sign.h>

const baton_host_sign *baton_sign_host(void);
