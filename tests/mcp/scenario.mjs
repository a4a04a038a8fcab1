// SPDX-License-Identifier: Apache-2.0
//
// The client that the official suite runs: scenario.mjs URL, what is to be done in
// MCP_CONFORMANCE_SCENARIO. It declares what an operator would declare for such a server, and asks.

import { Client, tool } from './client.mjs';

const url = process.argv.at(-1);
const { MCP_CONFORMANCE_SCENARIO: name, MCP_CONFORMANCE_PROTOCOL_VERSION: version, MCP_CONFORMANCE_CONTEXT: context } = process.env;
// BATON_MCP_AUTO: the module is to find out by itself what is spoken.
const config = { url, protocol: process.env.BATON_MCP_AUTO || !version ? 'auto' : version };
const badHeaders = ['empty_header', 'object_header', 'array_header', 'null_header', 'number_header', 'duplicate_same_case', 'duplicate_diff_case',
	'space_in_name', 'colon_in_name', 'non_ascii_name', 'control_char_name'].map((what) => `invalid_${what}`);

async function ask(tools, calls, more = {}) {
	const client = new Client({ ...config, ...more }, tools.map((each) => tool(each)));
	if (process.env.BATON_MCP_BREAK) // a client that does nothing must not pass
		return (await client.close()) === 0;
	const checked = await client.check();
	const heard = [];
	for (const [each, args] of calls)
		heard.push(await client.call(each, args));
	const code = await client.close();
	process.stderr.write(client.log);
	console.log(JSON.stringify({ checked, heard, code }));
	return code === 0 && (checked.end || tools.length === 0) && heard.every((each) => 'json' in each);
}

const scenarios = {
	initialize: () => ask([], []),
	tools_call: () => ask(['add_numbers'], [['add_numbers', { a: 5, b: 3 }]]),
	'elicitation-sep1034-client-defaults': () =>
		ask(['test_client_elicitation_defaults'], [['test_client_elicitation_defaults', {}]], { elicitation: 'defaults' }),
	'sse-retry': () => ask(['test_reconnection'], [['test_reconnection', {}]]),
	'request-metadata': () => ask([], []),
	'sep-2322-client-request-state': () => {
		const tools = ['echo_state', 'unrelated', 'no_state', 'no_result_type'].map((what) => `test_mrtr_${what}`);
		return ask(tools, tools.map((each) => [each, {}]));
	},
	'http-standard-headers': () => ask(['test_headers', 'my-hyphenated-tool'], [['test_headers', {}], ['my-hyphenated-tool', {}]]),
	'http-custom-headers': () => {
		const calls = JSON.parse(context).toolCalls;
		return ask(calls.map((call) => call.name), calls.map((call) => [call.name, call.arguments]));
	},
	'http-invalid-tool-headers': async () => {
		const all = ['valid_tool', ...badHeaders];
		await ask(all, all.map((each) => [each, { value: 'x', region: 'x', data: {}, items: [], nil: null, score: 1, field1: 'x', field2: 'y' }]));
		return true; // all but the first are refused, as the scenario wants
	},
	'json-schema-ref-no-deref': () => ask(['lookup_user'], []),
	'json-schema-2020-12-preservation': async () => {
		const client = new Client(config, [tool('json_schema_2020_12_tool'), tool('json_schema_echo')]);
		await client.check();
		const { arguments: schema } = (await client.describe())[0];
		const heard = await client.call('json_schema_echo', { schema });
		return (await client.close()) === 0 && 'json' in heard;
	},
};

if (!scenarios[name])
	throw new Error(`no such scenario here: ${name}`);
process.exitCode = (await scenarios[name]()) ? 0 : 1;
