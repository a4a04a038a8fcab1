// SPDX-License-Identifier: Apache-2.0
//
// The function of modules/provider-reel.c: what its answer to a question must be, byte for byte.

const WORDS = ['order', 'parcel', 'grüße', '€', 'lamp', '日本', 'refund', 'friday', '📦', 'chair', 'tomorrow', 'depot',
	'rug', 'label', 'été', 'invoice'];

function hashOf(text) {
	let hash = 2166136261;
	for (const byte of Buffer.from(text, 'utf8'))
		hash = Math.imul(hash ^ byte, 16777619) >>> 0;
	return hash;
}

export function reel(question) {
	const hash = hashOf(question);
	let state = (hash | 1) >>> 0;
	const next = () => {
		state = (state ^ (state << 13)) >>> 0;
		state = (state ^ (state >>> 17)) >>> 0;
		state = (state ^ (state << 5)) >>> 0;
		return state;
	};
	const words = [hash.toString(16).padStart(8, '0')];
	for (let n = 60 + next() % 80; n > 0; n--)
		words.push(WORDS[next() % WORDS.length]);
	words.push('<end>');
	return words.join(' ');
}
