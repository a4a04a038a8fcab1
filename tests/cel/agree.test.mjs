// SPDX-License-Identifier: Apache-2.0
//
// What Baton says of a condition is what two independent CEL implementations say: true, false or
// error, over a corpus generated from a seed (SEED, CASES). What they are known to do otherwise than
// the specification is in exceptions.mjs, is counted here, and is printed.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Generator } from './generate.mjs';
import { baton, bufbuild, celJs } from './judges.mjs';
import { RULES, explain } from './exceptions.mjs';

const seed = Number(process.env.SEED ?? 1);
const perTopic = Math.ceil(Number(process.env.CASES ?? 7200) / 9);
const TOPICS = {
	'what compares': [9],
	'what is joined by && || ! ?:': [0, 1, 2, 3],
	'what looks into lists': [4],
	'what reads text': [5],
	'what loops over lists': [6],
	'what asks whether a fact is there': [7],
	'what sets an int beside a double': 'mixed',
	'what matches patterns': 'matching',
	'anything': null,
};
const counts = new Map();
let refused = 0;
const verdicts = { true: 0, false: 0, error: 0 };

// Sentences about the cases on which the three do not agree and nothing explains it.
function complaints(cases, ours) {
	const found = [];
	cases.forEach((c, i) => {
		if (/^refused \d+ (the condition could take more than|this pattern is too long)/.test(ours[i])) {
			refused++; // Baton's own bounds: nothing to compare
			return;
		}
		if (!(ours[i] in verdicts)) {
			found.push(`${c.expr}\n  baton: ${ours[i]}`);
			return;
		}
		verdicts[ours[i]]++;
		for (const [who, judge] of [['bufbuild', bufbuild], ['celJs', celJs]]) {
			const said = judge(c), why = explain(c, who, said, ours[i]);
			if (why === undefined)
				found.push(`${c.expr}\n  over ${JSON.stringify(c.facts)}\n  baton: ${ours[i]}, ${who}: ${said.verdict} ${said.why}`);
			else if (why !== null)
				counts.set(why, (counts.get(why) ?? 0) + 1);
		}
	});
	return found;
}

function expectAgreement(cases) {
	const found = complaints(cases, baton(cases));
	assert.equal(found.length, 0, `${found.length} of ${cases.length}:\n${found.slice(0, 10).join('\n')}`);
}

Object.entries(TOPICS).forEach(([name, topic], t) => {
	test(`three evaluators agree on ${name}, ${perTopic} conditions`, () => {
		const generator = new Generator(seed * 1000 + t), cases = [];
		while (cases.length < perTopic) {
			const c = generator.condition(topic, 1 + cases.length % 5);
			if (Buffer.byteLength(c.expr) <= 1000)
				cases.push(c);
		}
		expectAgreement(cases);
	});
});

// [condition, what parts the judges there]: the edges by name.
const EDGES = [
	['0.0 / 0.0 == 0.0 / 0.0'], ['0.0 / 0.0 != 0.0 / 0.0'], ['1 < 0.0 / 0.0'], ['0.0 / 0.0 >= 1.0'],
	['1.0 / 0.0 > 1e308'], ['1.0 / -0.0 < -1e308'], ['0.0 == -0.0'], ['.5 == 0.5'],
	['9007199254740993 > 9007199254740992.0', 'int beside double'], ['1 == 1.0', 'int beside double'],
	['1 in [1.0]', 'int beside double'], ['[1] == [1.0]', 'int beside double'], ['1 < 1.5'],
	['9223372036854775807 + 1 > 0'], ['-9223372036854775808 - 1 < 0'], ['-(-9223372036854775808) > 0'],
	['-9223372036854775808 / -1 > 0'], ['-9223372036854775808 % -1 == 0'], ['9223372036854775807 * 2 > 0'],
	['7 % -3 == 1'], ['-7 % 3 == -1'], ['-7 / 2 == -3'], ['1 % 0 == 0'], ['--3 == 3'], ['- 3 == -3'],
	['false && 1 / 0 == 1'], ['1 / 0 == 1 && false'], ['true || 1 / 0 == 1'], ['1 / 0 == 1 || true'],
	['1 / 0 == 1 || false'], ['true && 1 / 0 == 1'], ['1 / 0 == 1 ? true : true'], ['true ? true : 1 / 0 == 1'],
	['[1 / 0] == [1] || true'], ['3 in [1 / 0, 3]'], ['!(1 / 0 == 1)'],
	['[0, 1].all(x, 1 / x > 5)'], ['[0, 5].all(x, 1 / x > 3)'], ['[0, 2].all(x, 1 / x > -1)'],
	['[0, 1].exists(x, 1 / x == 1)'], ['[0, 2].exists(x, 1 / x == 1)'], ['[1, 0].exists_one(x, 1 / x == 1)'],
	['[1, 1].exists_one(x, x == 1)'], ['tags.all(x, 1 / 0 == 1)'], ['tags.exists(x, 1 / 0 == 1)'],
	['size([1, 2].filter(x, x > 5)) == 0'], ['[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]'],
	['[1, 2].map(x, 1 / (x - 1) > 0, x) == [2]'], ['[1, 2].all(x, [3].all(x, x == 3))'],
	['[1, 2].map(x, [1, 2].exists(y, y == x)) == [true, true]'], ['[1, 2, 3][1] == 2'], ['[1, 2, 3][3] == 2'],
	['[1, 2, 3][-1] == 2'], ['[1] + [2] == [1, 2]'], ['[1, 2,] == [1, 2]'], ['[duration("1s")] == [duration("1000ms")]'],
	['"\\uffff" < "\\U00010000"', 'order of text'], ['"Z" < "a"'], ['"a" < "ab"'], ['size("\\U0001F600") == 1'],
	['"\\351" == "\\u00e9"'], ['"\\x41" == "A"'], ["'it\\'s' == \"it's\""], ['r"\\d" == "\\\\d"'], ['"" == \'\''],
	['"ABC\\u00c9".lowerAscii() == "abc\\u00c9"', 'case of text'], ['"stra\\u00dfe".upperAscii() == "STRA\\u00dfE"', 'case of text'],
	['duration("1h30m").getMinutes() == 90'], ['duration("-90s").getMinutes() == -1'], ['duration("59m59s").getHours() == 0'],
	['duration("1.5h") == duration("90m")'], ['duration("+.5s") == duration("500ms")'], ['duration("0") == duration("0s")'],
	['duration("2562047h") + duration("2562047h") > duration("0s")'], ['duration("5m") - duration("10m") < duration("0s")'],
	['age > duration("5m")'], ['age == duration(string(age_ms) + "ms")'],
	['int(1.9) == 1'], ['int(-1.9) == -1'], ['int("+42") == 42'], ['int("-0") == 0'], ['int("4 2") == 42'], ['int("1e3") == 1000'],
	['int("") == 0', 'int of string'], ['int(1e19) > 0', 'int of double'], ['int(0.0 / 0.0) == 0', 'int of double'],
	['int("9223372036854775808") > 0'], ['int("-9223372036854775808") < 0'], ['double("1e400") > 1.0'],
	['double("-Infinity") < 0.0'], ['double("NaN") == double("NaN")'], ['double("5.") == 5.0'], ['double(".5") == 0.5'],
	['double("") == 0.0', 'double of string'], ['double("0x10") == 16.0', 'double of string'], ['double("1.5e3") == 1500.0'],
	['double(9007199254740993) == 9007199254740992.0'], ['string(-5) + "x" == "-5x"'], ['string(true) == "true"'],
	['bool("t") && bool("1") && bool("TRUE")'], ['bool("tRue")'], ['bool("yes")'], ['bool("T")'], ['bool("f") == false'],
	['"b\\n".matches("^b$")'], ['"a\\nb".matches("a.b")'], ['"caf\\u00e9".matches("^\\\\w+$")'], ['"caf\\u00e9".matches("^caf.$")'],
	['"".matches("")'], ['"aaaaaaaaaaaaaaaaaaaaaaaa".matches("^(a+)+b")'], ['"x-y".matches(r"\\bx\\b")'], ['"ab".matches("^(a|b)*?$")'],
	['"aab".matches("^a{2}b{0,1}$")'], ['"aab".matches("^a{3,}")'], ['has(facts.intent)'], ['has(facts.tags)'],
	['true ? false : true ? true : true'], ['(1 == 1) == true'], ['"a" < "b" == true'], ['false < true'], ['!!true'],
	['true // to the end of the line\n'],
];

test(`three evaluators agree on ${EDGES.length} edges`, () => {
	const facts = { age_ms: '300001', intent: '"refund"', tags: '["vip"]' };
	expectAgreement(EDGES.map(([expr, ...tags]) => ({ expr, facts, tags: new Set(tags) })));
	expectAgreement(EDGES.map(([expr, ...tags]) => ({ expr, facts: {}, tags: new Set(tags) })));
});

// `facts` is to CEL what a message of proto3 is: a field that is its zero is not there, but can be read.
test('facts.x and has(facts.x) are fields of a proto3 message', () => {
	const given = { intent: '"refund"', tags: '[]', exchanges: '3', legal: 'false', sentiment: '0.250000' };
	const ask = name => [`has(facts.${name})`, `facts.${name} == ${name}`, `facts.${name} != ${name}`];
	const cases = ['intent', 'customer_tier', 'tags', 'exchanges', 'queue_depth', 'legal', 'billing', 'sentiment', 'primary_health', 'age', 'idle_ms']
		.flatMap(ask).map(expr => ({ expr, facts: { ...given, age_ms: '5000' } }));
	const ours = baton(cases);
	cases.forEach((c, i) => assert.equal(bufbuild(c, { message: true }).verdict, ours[i], c.expr));
	assert.deepEqual(ours.slice(0, 6), ['true', 'true', 'false', 'false', 'true', 'false']);
});

test('a wrong verdict does not pass', () => {
	const generator = new Generator(7), cases = Array.from({ length: 100 }, () => generator.condition([9], 2));
	const wrong = baton(cases).map(v => (v === 'true' ? 'false' : 'true'));
	const found = complaints(cases, wrong);
	assert.ok(found.length >= 90, `only ${found.length} of 100 wrong verdicts were seen`);
	assert.equal(complaints([{ expr: 'true', facts: {}, tags: new Set() }], ['refused 1 no']).length, 1);
});

test('the corpus holds every verdict, and exceptions stay exceptions', () => {
	const total = verdicts.true + verdicts.false + verdicts.error;
	const excused = [...counts.values()].reduce((a, b) => a + b, 0);
	console.log(`# ${total} verdicts: ${JSON.stringify(verdicts)}; ${refused} beyond Baton's bounds`);
	assert.ok(refused < total / 200, `${refused} of ${total} were too large`);
	for (const { name } of RULES)
		console.log(`# ${String(counts.get(name) ?? 0).padStart(5)}  ${name}`);
	for (const verdict of Object.keys(verdicts))
		assert.ok(verdicts[verdict] > total / 20, `${verdict} is rare`);
	assert.ok(excused < total / 10, `${excused} of ${2 * total} answers needed an excuse`);
});
