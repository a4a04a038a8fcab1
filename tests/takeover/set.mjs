// SPDX-License-Identifier: Apache-2.0
//
// The policy set of the races: a bot whose answers stream for some tens of milliseconds, so that a claim
// meets them in the middle.

import { fullSet, moduleDir } from '../swap/set.mjs';

export function setOf() {
	return { policies: fullSet({ lasts_ppm: 20000 }), modules: moduleDir({ 'reel.so': 'provider-reel' }) };
}
