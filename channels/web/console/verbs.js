// SPDX-License-Identifier: Apache-2.0
//
// What may be done with a case, and by whom. Pure. The server decides what is allowed; this table only
// keeps from offering what would be refused.

import { claimable } from './desk.js';

export const VERBS = {
	claim: 'Claim', take: 'Take over', handback: 'Hand back to the bot', transfer: 'Transfer', release: 'Back to the queue', resolve: 'Resolve',
};

/** What can be done: own = the case is mine, supervisor = may do more. Pure. */
export function verbsOf(entry, own, supervisor) {
	if (own) return ['handback', 'transfer', 'release', 'resolve'];
	if (entry?.state === 'waiting') return [...(claimable(entry) || supervisor ? ['claim'] : []), ...(supervisor ? ['transfer'] : [])];
	if (entry?.state === 'claimed' && supervisor) return ['take', 'transfer', 'release'];
	return [];
}

/** Why there is nothing to write, in words. Pure. */
export function standing(entry, own, verbs, title) {
	if (own) return '';
	if (entry?.state === 'waiting') return verbs.includes('claim') ? 'Claim the case to answer.' : `You do not work on the queue ${title}. You can read.`;
	if (entry?.state === 'claimed') return `${entry.agent_name || 'Another agent'} has this case. You can read along.`;
	return 'This case is with automation or closed. You can read it.';
}
