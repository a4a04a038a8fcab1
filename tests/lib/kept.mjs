// SPDX-License-Identifier: Apache-2.0
//
// What outlives a test file, and what does not: in a lane (lane.mjs) many files run in one process.

// `lane`: files follow each other in this process. `ends`: what is closed behind the last one.
export const kept = { lane: false, ends: [] };

// Called between two files, so that none finds what the one before has left.
const forgets = [];
export const betweenFiles = (forget) => forgets.push(forget);
export function forgetFile() {
	for (const forget of forgets)
		forget();
}
