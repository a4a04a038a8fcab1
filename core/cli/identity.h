/* SPDX-License-Identifier: Apache-2.0 */

/* Keys of a policy set, for the commands about who customers are. */
#pragma once

#include "core/cli/cli.h"
#include "core/policy/policy.h"

/* The set of --policies; NULL with its errors on stderr. */
struct baton_policy *cli_identity_policy(const struct cli_options *options);
/* The first key for customers that both sides know, or the one called `kid`. NULL: there is none. */
const struct baton_identity_key *cli_identity_key(const struct baton_policy *policy,
						  const char *kid);
