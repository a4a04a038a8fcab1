// SPDX-License-Identifier: Apache-2.0
//
// Where an implementation is known not to do what cel-spec says, and Baton does. Each rule names who,
// why, and when it may speak: a case it explains is counted under its name, a disagreement that no
// rule explains is a failure. docs/RULES.md speaks of none of this: it is about them, not about Baton.

const wide = c => /9223372036854775|9007199254740/.test(c.expr + JSON.stringify(c.facts));
const astral = c => /\\uffff|\\U0001F600|\\ud83d/i.test(c.expr + JSON.stringify(c.facts));

export const RULES = [
	{
		who: 'celJs', name: 'cel-js does not compare an int with a double by == or in',
		when: (c, said) => c.tags.has('int beside double') && /no such overload: (int|double|list<int>|list<double>) (==|!=|in) /.test(said.why),
	},
	{
		who: 'bufbuild', name: 'cel-es rounds an int to a double to compare them',
		when: c => c.tags.has('int beside double') && wide(c),
	},
	{
		who: 'both', name: 'both order text by UTF-16 units, the specification by code points',
		when: c => c.tags.has('order of text') && astral(c),
	},
	{
		who: 'bufbuild', name: 'cel-es reads any text as a double, be it NaN',
		when: (c, said, ours) => c.tags.has('double of string') && ours === 'error',
	},
	{
		who: 'both', name: 'both read JavaScript numbers as doubles: hexadecimals',
		when: (c, said, ours) => c.tags.has('double of string') && /0x/.test(c.expr) && ours === 'error',
	},
	{
		who: 'both', name: 'both read empty text as the int 0, the specification as an error',
		when: (c, said, ours) => c.tags.has('int of string') && ours === 'error' && said.verdict !== 'error',
	},
	{
		who: 'both', name: 'cel-es reads empty text as a duration of 0 s, cel-js a unit without a number',
		when: (c, said, ours) => c.tags.has('duration of string') && ours === 'error' && said.verdict !== 'error',
	},
	{
		who: 'celJs', name: 'cel-js reads a sum of durations beyond 292 years',
		when: (c, said, ours) => /2562047h/.test(c.expr) && ours === 'error' && said.verdict !== 'error',
	},
	{
		who: 'both', name: 'cel-js does not see -x and x / -1 overflow, cel-es not -(-x)',
		when: (c, said, ours) => /922337203685477580[78]/.test(c.expr) && ours === 'error' && said.verdict !== 'error',
	},
	{
		who: 'celJs', name: 'cel-js rounds the seconds of negative durations down',
		when: c => c.tags.has('parts of duration') && /getSeconds|getMinutes|getHours/.test(c.expr),
	},
	{
		who: 'celJs', name: 'cel-js counts UTF-16 units in patterns',
		when: c => /matches/.test(c.expr) && astral(c),
	},
	{
		who: 'celJs', name: 'cel-js takes any double as an int',
		when: (c, said, ours) => c.tags.has('int of double') && ours === 'error' && said.verdict !== 'error',
	},
	{
		who: 'celJs', name: 'cel-js changes the case of more than ASCII',
		when: c => c.tags.has('case of text') && /u00e9|u00c9|u00df/i.test(c.expr + JSON.stringify(c.facts)),
	},
	{
		who: 'celJs', name: 'cel-js has no .5 and no duration("0")',
		when: (c, said) => /Unexpected token: DOT|Invalid duration string: 0$/.test(said.why),
	},
];

// null if they agree; the rule's name if one explains it; undefined if nothing does.
export function explain(c, who, said, ours) {
	if (said.verdict === ours)
		return null;
	return RULES.find(r => (r.who === who || r.who === 'both') && r.when(c, said, ours))?.name;
}
