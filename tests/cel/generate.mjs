// SPDX-License-Identifier: Apache-2.0
//
// Conditions and facts out of a seed. Everything is typed as Baton's compiler types it, so nothing may
// be refused; what fails does so when it runs. Values are drawn from the edges: the ends of 64 bits,
// what a double cannot hold, text beyond the first plane, empty lists.

// mulberry32: small, and the same on every machine.
export function random(seed) {
	let a = seed >>> 0;
	const next = () => {
		a = (a + 0x6d2b79f5) | 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = n => Math.floor(next() * n);
	return { next, below, pick: list => list[below(list.length)], chance: p => next() < p };
}

const MS = [0, 1, 999, 1000, 60000, 90000, 3600000, 86400000];
const KINDS = {
	// name: [type, values as JSON text]
	intent: ['string', ['""', '"refund"', '"refund-policy"', '"billing-question"', '"caf\\u00e9"']],
	customer_tier: ['string', ['""', '"vip"', '"VIP"', '"42"', '"-7"', '"4 2"', '"true"', '"5m"', '"1.5"']],
	channel: ['string', ['""', '"web"', '"line\\nbreak"']],
	locale: ['string', ['""', '"en"', '"de-AT"', '"\\uffff"', '"\\ud83d\\ude00"']],
	mode: ['string', ['""', '"intake"']],
	last_fail_provider: ['string', ['""', '"openai"']],
	tags: ['list<string>', ['[]', '["vip"]', '["vip","late","caf\\u00e9"]', '["a","b","a",""]', '["1","2","x"]']],
	intent_confidence: ['double', ['0.000000', '0.350000', '1.000000', '0.999999']],
	sentiment: ['double', ['0.000000', '0.250000', '0.500000']],
	primary_health: ['double', ['0.000000', '1.000000', '4294.967295']],
	asked_human: ['bool', ['true', 'false']],
	billing: ['bool', ['true', 'false']],
	legal: ['bool', ['true', 'false']],
	exchanges: ['int', ['0', '1', '2', '3', '4294967295']],
	unresolved_exchanges: ['int', ['0', '1', '2', '7']],
	queue_depth: ['int', ['0', '1', '40']],
	cost_microusd: ['int', ['0', '1', '9007199254740993', '9223372036854775807']],
	age_ms: ['int', MS.map(String)],
	idle_ms: ['int', MS.map(String)],
	sla_left_ms: ['int', MS.map(String)],
};
export const TYPES = Object.fromEntries(Object.entries(KINDS).map(([name, [type]]) => [name, type]));
export const SPANS = { age: 'age_ms', idle: 'idle_ms', sla_left: 'sla_left_ms' };

const INTS = ['0', '1', '-1', '2', '3', '7', '100', '60000', '0x1f', '9223372036854775807',
	'-9223372036854775808', '9007199254740993', '-9007199254740993'];
const DOUBLES = ['0.0', '1.0', '-1.0', '0.5', '0.35', '1.5', '2.25', '1e3', '1e308', '1e-9', '-0.0',
	'9007199254740992.0', '9223372036854775808.0', '-2.5'];
const STRINGS = ['""', '"vip"', "'refund'", '"refund-policy"', '"a"', '"A"', '"caf\\u00e9"', '"\\U0001F600"',
	'"\\uffff"', '"\\n"', '"42"', '"-7"', '"9223372036854775808"', '"1.5"', '"1e3"', '"true"', '"False"',
	'"yes"', '"5m"', '"\\x41\\101"', 'r"\\d"', "'it\\'s'"];
const SPANS_LITERAL = ['0s', '5m', '1h30m', '90s', '250ms', '1us', '1ns', '-5m', '1.5h', '0.5s', '2562047h'];
const PATTERNS = ['^refund', 'policy$', '^(vip|gold)$', '[a-c]+', '^[^0-9]*$', '\\\\d{2}', '^\\\\w+-\\\\w+$',
	'a.*b', '^$', '', 'x?y*z+', '(?:re|bill)ing?', '\\\\bpolicy\\\\b', '[\\\\w-]{3,6}$', '^.{2,4}$', 'a|b|caf',
	'(a|ab)(c|bcd)*$', '\\\\.', '[.+*]', '^v.p$'];
const CASES = { bool: 8, int: 8, double: 6, string: 6, duration: 4 };

export class Generator {
	constructor(seed) {
		this.r = random(seed);
		this.tags = new Set(); // of the condition under way: where the judges are known to part
	}

	facts() {
		const given = {};
		for (const [name, [, values]] of Object.entries(KINDS))
			if (this.r.chance(0.7))
				given[name] = this.r.pick(values);
		return given;
	}

	// A fact or a loop's value of this type, or null.
	name(type, scope) {
		const names = Object.keys(TYPES).filter(n => TYPES[n] === type);
		if (type === 'duration')
			names.push(...Object.keys(SPANS));
		names.push(...scope.filter(v => v.type === type).flatMap(v => [v.name, v.name, v.name]));
		return names.length ? this.r.pick(names) : null;
	}

	literal(type) {
		if (type === 'bool')
			return this.r.pick(['true', 'false']);
		if (type === 'int')
			return this.r.pick(INTS);
		if (type === 'double')
			return this.r.pick(DOUBLES);
		if (type === 'duration')
			return `duration("${this.r.pick(SPANS_LITERAL)}")`;
		return this.r.pick(STRINGS);
	}

	leaf(type, scope) {
		if (type.startsWith('list<')) {
			const of = type.slice(5, -1);
			if (of === 'string' && this.r.chance(0.5))
				return 'tags';
			const n = 1 + this.r.below(3);
			return `[${Array.from({ length: n }, () => this.expr(of, 0, scope)).join(', ')}]`;
		}
		const name = this.r.chance(0.6) ? this.name(type, scope) : null;
		return name ?? this.literal(type);
	}

	expr(type, depth, scope) {
		if (depth <= 0)
			return this.leaf(type, scope);
		if (type.startsWith('list<'))
			return this.list(type, depth, scope);
		return this[type](depth - 1, scope, this.r.below(CASES[type] + 2));
	}

	// Parentheses around whatever has operators.
	part(type, depth, scope) {
		const text = this.expr(type, depth, scope);
		return /[ ?]/.test(text) ? `(${text})` : text;
	}

	choice(type, depth, scope) {
		return `(${this.part('bool', depth, scope)} ? ${this.part(type, depth, scope)} : ${this.part(type, depth, scope)})`;
	}

	bool(d, scope, which) {
		const p = type => this.part(type, d, scope);
		const type = this.r.pick(['int', 'double', 'string', 'duration', 'bool', 'int', 'string']);
		switch (which) {
		case 0: return `${p('bool')} && ${p('bool')}`;
		case 1: return `${p('bool')} || ${p('bool')}`;
		case 2: return `!${p('bool')}`;
		case 3: return this.choice('bool', d, scope);
		case 4: return `${p(type)} in ${p(`list<${type}>`)}`;
		case 5: return this.text(d, scope);
		case 6: return this.loop(d, scope);
		case 7: return this.has(d, scope);
		case 8: if (this.r.chance(0.15)) return this.mixed(d, scope); // else it is a comparison
		}
		if (type === 'string')
			this.tags.add('order of text');
		return `${p(type)} ${this.r.pick(['==', '!=', '<', '<=', '>', '>='])} ${p(type)}`;
	}

	// An int beside a double: CEL compares them as numbers.
	mixed(d, scope) {
		this.tags.add('int beside double');
		const [a, b] = this.r.chance(0.5) ? ['int', 'double'] : ['double', 'int'];
		return `${this.part(a, d, scope)} ${this.r.pick(['<', '<=', '>', '>=', '==', '!='])} ${this.part(b, d, scope)}`;
	}

	text(d, scope) {
		const s = this.part('string', d, scope);
		switch (this.r.below(5)) {
		case 0: return `${s}.startsWith(${this.part('string', d, scope)})`;
		case 1: return `${s}.endsWith(${this.part('string', d, scope)})`;
		case 2: return `${s}.contains(${this.part('string', d, scope)})`;
		case 3: return `bool(${this.part('string', d, scope)})`;
		}
		return `${s}.matches("${this.r.pick(PATTERNS)}")`;
	}

	loop(d, scope) {
		const type = this.r.pick(['int', 'string', 'string', 'duration', 'double']);
		const list = this.part(`list<${type}>`, d, scope);
		const name = this.r.pick(['x', 'y', 'v']);
		const inner = [...scope.filter(s => s.name !== name), { name, type }];
		return `${list}.${this.r.pick(['all', 'exists', 'exists_one'])}(${name}, ${this.expr('bool', d, inner)})`;
	}

	has(d, scope) {
		const name = this.r.pick(Object.keys(TYPES).filter(n => n !== 'tags'));
		const has = `has(facts.${name})`;
		if (this.r.chance(0.4))
			return has;
		const other = this.part(TYPES[name], 0, scope.filter(() => false));
		if (this.r.chance(0.5))
			return `${has} && facts.${name} ${this.r.pick(['==', '!='])} ${other}`;
		return `(${has} ? facts.${name} : ${other}) == ${other}`;
	}

	int(d, scope, which) {
		const p = type => this.part(type, d, scope);
		switch (which) {
		case 0: return `${p('int')} + ${p('int')}`;
		case 1: return `${p('int')} - ${p('int')}`;
		case 2: return `${p('int')} * ${p('int')}`;
		case 3: return `${p('int')} ${this.r.pick(['/', '%'])} ${p('int')}`;
		case 4: return `size(${this.expr(this.r.pick(['string', 'list<string>', 'list<int>']), d, scope)})`;
		case 5: return this.convert('int', ['string', 'double', 'int'], d, scope);
		case 6: this.tags.add('parts of duration'); return `${p('duration')}.${this.r.pick(['getHours', 'getMinutes', 'getSeconds'])}()`;
		case 7: return this.choice('int', d, scope);
		case 8: return `${p('list<int>')}[${this.expr('int', 0, scope)}]`;
		}
		return `-${this.part('int', d, scope).replace(/^(?=[-0-9])(.*)$/, '($1)')}`;
	}

	convert(to, types, d, scope) {
		const from = this.r.pick(types);
		this.tags.add(`${to} of ${from}`);
		return `${to}(${this.expr(from, d, scope)})`;
	}

	double(d, scope, which) {
		const p = type => this.part(type, d, scope);
		switch (which) {
		case 0: return `${p('double')} + ${p('double')}`;
		case 1: return `${p('double')} - ${p('double')}`;
		case 2: return `${p('double')} * ${p('double')}`;
		case 3: return `${p('double')} / ${p('double')}`;
		case 4: return this.convert('double', ['int', 'double', 'string'], d, scope);
		case 5: return this.choice('double', d, scope);
		}
		return this.leaf('double', scope);
	}

	string(d, scope, which) {
		const p = type => this.part(type, d, scope);
		switch (which) {
		case 0: return `${p('string')} + ${p('string')}`;
		case 1: return `string(${this.expr(this.r.pick(['int', 'bool', 'string']), d, scope)})`;
		case 2: this.tags.add('case of text'); return `${p('string')}.${this.r.pick(['lowerAscii', 'upperAscii'])}()`;
		case 3: return `${p('list<string>')}[${this.expr('int', 0, scope)}]`;
		case 4: return this.choice('string', d, scope);
		}
		return this.leaf('string', scope);
	}

	duration(d, scope, which) {
		const p = type => this.part(type, d, scope);
		switch (which) {
		case 0: return `${p('duration')} + ${p('duration')}`;
		case 1: return `${p('duration')} - ${p('duration')}`;
		case 2: return this.choice('duration', d, scope);
		case 3: this.tags.add('duration of string'); return `duration(${this.computed(scope)})`;
		}
		return this.leaf('duration', scope);
	}

	// A wrong duration in quotes is refused at load: here the text is a fact's, or computed from one.
	computed(scope) {
		const name = this.name('string', scope);
		return this.r.chance(0.5) ? name : `${name} + ${this.r.pick(['"5m"', '"1.5s"', '""', '"s"'])}`;
	}

	list(type, depth, scope) {
		const d = depth - 1, of = type.slice(5, -1), name = this.r.pick(['x', 'y', 'v']);
		const within = t => [...scope.filter(s => s.name !== name), { name, type: t }];
		const from = this.r.pick(['int', 'string']);
		switch (this.r.below(6)) {
		case 0: return `${this.part(type, d, scope)}.filter(${name}, ${this.expr('bool', d, within(of))})`;
		case 1: return `${this.part(`list<${from}>`, d, scope)}.map(${name}, ${this.expr(of, d, within(from))})`;
		case 2: return `${this.part(`list<${from}>`, d, scope)}.map(${name}, ${this.expr('bool', d, within(from))}, ${this.expr(of, d, within(from))})`;
		case 3: return `${this.part(type, d, scope)} + ${this.part(type, d, scope)}`;
		}
		return this.leaf(type, scope);
	}

	// A random pattern of what RE2 and JavaScript read alike, and a text that it may well match.
	pattern(depth) {
		const repeat = () => this.r.pick(['', '', '', '', '*', '+', '?', '*?', '{2}', '{1,}', '{0,2}', '{2,3}?']);
		const atom = () => {
			switch (depth > 0 ? this.r.below(9) : this.r.below(6)) {
			case 0: return this.r.pick(['[ab]', '[^a]', '[a-c1]', '[^\\d]', '[\\w-]', '[\\s_]', '[.]', '[b-]']);
			case 1: return this.r.pick(['.', '\\d', '\\w', '\\s', '\\D', '\\W', '\\S', '\\.', '\\x61', '\\n']);
			case 6: return `(${this.pattern(depth - 1)})`;
			case 7: return `(?:${this.pattern(depth - 1)})`;
			case 8: return `(${this.pattern(depth - 1)}|${this.pattern(depth - 1)})`;
			}
			return this.r.pick(['a', 'b', 'c', '-', '1', '_', '\u00e9']);
		};
		let text = '';
		for (let n = this.r.below(4) + (depth > 0 ? 1 : 0); n > 0; n--)
			text += this.r.chance(0.12) ? this.r.pick(['^', '$', '\\b', '\\B']) : atom() + repeat();
		return this.r.chance(0.15) ? `${text}|${this.pattern(0)}` : text;
	}

	matching() {
		const text = Array.from({ length: this.r.below(9) }, () => this.r.pick(['a', 'a', 'b', 'c', '-', '1', '_', ' ', '.', '\n', '\u00e9'])).join('');
		return `${JSON.stringify(text)}.matches(${JSON.stringify(this.pattern(this.r.below(4)))})`;
	}

	// One case of a topic (null: anything), with what is known to part the judges.
	condition(topic, depth) {
		this.tags = new Set();
		const expr = topic === null ? this.expr('bool', depth, [])
			: topic === 'matching' ? this.matching()
			: topic === 'mixed' ? this.mixed(depth - 1, []) : this.bool(depth - 1, [], this.r.pick(topic));
		return { expr, facts: this.facts(), tags: this.tags };
	}
}
