// SPDX-License-Identifier: Apache-2.0
//
// Values that customers of the tests give away, made so that they stand nowhere else. Wherever one of them is found
// outside of the sealed log, somebody has leaked it: tests/canaries/check.sh looks behind all suites for what
// stands in this list. Each is planted by tests/e2e/hostile-model.test.mjs.

export const CANARIES = {
	card: '4929 6042 1187 3304',
	email: 'canary.heron@leak-check.example',
	iban: 'DE02 7001 0080 0030 8768 08',
	phone: '+44 7700 900461',
	token: 'sk-CANARYhq7Zw2VnT0yRkL5dXs8BpJm',
	password: 'Heron-Canary-77!x',
};
