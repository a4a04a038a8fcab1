// SPDX-License-Identifier: Apache-2.0
//
// The wires that the hostile provider speaks, healthy and broken: Chat Completions, Responses, Ollama's
// lines of JSON, Messages. Which one is asked is decided by the path. A wire writes into an answer (see
// provider.mjs) with a.raw(); it knows how its API says hello, a word, the end, and each kind of error.
//
// `last` is the last message that was sent, with its text as `content`.
//
// Kinds of errors: rate, overloaded, server, context, policy, access, quota, gone, prefill.

const json = (value) => JSON.stringify(value);
const sse = (event, value) => `${event ? `event: ${event}\n` : ''}data: ${json(value)}\n\n`;
const USAGE_IN = 100;

// What tools have brought since the customer's last words: `is` says which they are.
const since = (list, words, is, text) => list.slice(list.findLastIndex(words) + 1).filter(is).map(text);
const toolMessages = (ask) => since(ask.messages, (m) => m.role === 'user', (m) => m.role === 'tool', (m) => m.content);

// Every piece of text may be given as the bytes of a JSON string's inside: for text that is none.
const inside = (text) => (Buffer.isBuffer(text) ? text : Buffer.from(json(text).slice(1, -1)));
function around(template, text) {
	const [before, after] = template.split('@TEXT@');
	return Buffer.concat([Buffer.from(before), inside(text), Buffer.from(after)]);
}

const chat = {
	name: 'chat',
	type: 'text/event-stream; charset=utf-8',
	chunk(a, choice, extra = {}) {
		const choices = choice ? [{ index: 0, delta: {}, finish_reason: null, ...choice }] : [];
		return sse('', { id: `chatcmpl-${a.entry.n}`, object: 'chat.completion.chunk', created: 1795000000,
			model: a.model, choices, ...extra });
	},
	begin: (a) => a.raw(chat.chunk(a, { delta: { role: 'assistant', content: '' } })),
	word: (a, text) => around(chat.chunk(a, { delta: { content: '@TEXT@' } }), text),
	finish(a, reason) {
		a.raw(chat.chunk(a, { finish_reason: reason }));
		if (a.ask.stream_options?.include_usage)
			a.raw(chat.chunk(a, null, { usage: { prompt_tokens: USAGE_IN, completion_tokens: a.entry.tokens ?? 0,
				total_tokens: USAGE_IN + (a.entry.tokens ?? 0) } }));
	},
	done: (a) => a.raw('data: [DONE]\n\n'),
	broken: (words) => `data: {"id": ${words} this is not json\n\n`,
	noise: (a) => [': keep-alive\n\n', chat.chunk(a, { delta: { role: 'assistant', content: '' } }), ':\n\n', 'event: ping\ndata: {}\n\n'],
	tool(a, name, args) {
		a.raw(chat.chunk(a, { delta: { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: '' } }] } }));
		a.raw(chat.chunk(a, { delta: { tool_calls: [{ index: 0, function: { arguments: args } }] } }));
		chat.finish(a, 'tool_calls');
		chat.done(a);
	},
	errors: {
		rate: { type: 'requests', code: 'rate_limit_exceeded' },
		overloaded: { type: 'server_error', code: 'overloaded' },
		server: { type: 'server_error' },
		context: { type: 'invalid_request_error', code: 'context_length_exceeded' },
		policy: { type: 'invalid_request_error', code: 'content_policy_violation' },
		access: { type: 'authentication_error', code: 'invalid_api_key' },
		quota: { type: 'insufficient_quota', code: 'insufficient_quota' },
		gone: { type: 'invalid_request_error', code: 'model_not_found' },
		prefill: { type: 'invalid_request_error', code: 'assistant_prefill_not_supported' },
	},
	error: (kind, words) => ({ error: { message: words, ...chat.errors[kind] } }),
	inband: (kind, words, named) => sse(named ? 'error' : '', chat.error(kind, words)),
	last: (ask) => ask.messages?.at(-1) ?? {},
	results: toolMessages,
};

const responses = {
	name: 'responses',
	type: 'text/event-stream; charset=utf-8',
	event: (type, more) => sse(type, { type, sequence_number: 1, ...more }),
	response: (a, status, more = {}) => ({ response: { id: `resp_${a.entry.n}`, object: 'response', status, model: a.model,
		error: null, incomplete_details: null, output: [], usage: null, ...more } }),
	begin(a) {
		a.raw(responses.event('response.created', responses.response(a, 'in_progress')));
		a.raw(responses.event('response.output_item.added', { output_index: 0, item: { type: 'message', content: [] } }));
	},
	word: (a, text) => around(responses.event('response.output_text.delta', { output_index: 0, content_index: 0, delta: '@TEXT@' }), text),
	usage: (a) => ({ input_tokens: USAGE_IN, input_tokens_details: { cached_tokens: 0 }, output_tokens: a.entry.tokens ?? 0,
		total_tokens: USAGE_IN + (a.entry.tokens ?? 0) }),
	finish(a, reason) {
		const whole = reason === 'stop' || reason === 'tool_calls';
		a.raw(responses.event(whole ? 'response.completed' : 'response.incomplete',
			responses.response(a, whole ? 'completed' : 'incomplete',
				{ usage: responses.usage(a), ...(whole ? {} : { incomplete_details: { reason: 'max_output_tokens' } }) })));
	},
	done() {},
	broken: (words) => `event: response.output_text.delta\ndata: {"type": ${words} this is not json\n\n`,
	noise: (a) => [': keep-alive\n\n', responses.event('response.in_progress', responses.response(a, 'in_progress')), ':\n\n',
		responses.event('response.queued', responses.response(a, 'queued'))],
	tool(a, name, args) {
		a.raw(responses.event('response.output_item.done', { item: { type: 'function_call', call_id: 'call_1', name, arguments: args } }));
		responses.finish(a, 'tool_calls');
	},
	error: chat.error,
	// Named: the event `error`. Else the response has failed.
	inband: (kind, words, named) => (named
		? responses.event('error', { message: words, ...chat.errors[kind] })
		: responses.event('response.failed', { response: { status: 'failed', error: { message: words, ...chat.errors[kind] }, output: [] } })),
	last: (ask) => ask.input?.at(-1) ?? {},
	results: (ask) => since(ask.input, (item) => item.role === 'user', (item) => item.type === 'function_call_output', (item) => item.output),
};

const ollama = {
	name: 'ollama',
	type: 'application/x-ndjson',
	line: (a, more) => `${json({ model: a.model, created_at: '2026-10-26T17:15:24.097767Z', ...more })}\n`,
	begin() {},
	word: (a, text) => around(ollama.line(a, { message: { role: 'assistant', content: '@TEXT@' }, done: false }), text),
	finish: (a, reason) => a.raw(ollama.line(a, { message: { role: 'assistant', content: '' }, done_reason: reason, done: true,
		prompt_eval_count: USAGE_IN, eval_count: a.entry.tokens ?? 0 })),
	done() {},
	broken: (words) => `{"model": ${words} this is not json\n`,
	noise: (a) => ['\n', ollama.line(a, { message: { role: 'assistant', content: '' }, done: false }), '\n', '\n'],
	tool(a, name, args) {
		const call = (value) => ollama.line(a, { message: { role: 'assistant', content: '', tool_calls: [{ function: { name, arguments: value } }] }, done: false });
		try {
			a.raw(call(JSON.parse(args)));
		} catch { // it has no way to say what is no JSON but as text
			a.raw(call(args));
		}
		ollama.finish(a, 'stop');
	},
	errors: {
		rate: 'too many requests', overloaded: 'server busy, please try again. maximum pending requests exceeded',
		server: 'the model failed to generate a response', context: 'the input exceeds the context window',
		policy: 'blocked by the content policy', access: 'unauthorized', quota: 'you have reached your weekly usage limit',
		gone: 'model not found, try pulling it first', prefill: 'this model does not support assistant prefill',
	},
	error: (kind, words) => ({ error: `${ollama.errors[kind]} ${words}` }),
	inband: (kind, words) => `${json(ollama.error(kind, words))}\n`,
	last: (ask) => ask.messages?.at(-1) ?? {},
	results: toolMessages,
};

const blocks = (ask) => ask.messages.flatMap((m) => (Array.isArray(m.content) ? m.content.map((block) => ({ ...block, role: m.role })) : []));

const messages = {
	name: 'messages',
	type: 'text/event-stream; charset=utf-8',
	event: (type, more) => sse(type, { type, ...more }),
	begin(a) {
		a.raw(messages.event('message_start', { message: { id: `msg_${a.entry.n}`, type: 'message', role: 'assistant', content: [], model: a.model,
			stop_reason: null, usage: { input_tokens: USAGE_IN, output_tokens: 1 } } }));
		a.raw(messages.event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }));
		a.raw(messages.event('ping'));
	},
	word: (a, text) => around(messages.event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: '@TEXT@' } }), text),
	finish(a, reason) {
		const said = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' }[reason];
		a.raw(messages.event('content_block_stop', { index: 0 }));
		a.raw(messages.event('message_delta', { delta: { stop_reason: said, stop_sequence: null }, usage: { output_tokens: a.entry.tokens ?? 0 } }));
	},
	done: (a) => a.raw(messages.event('message_stop')),
	broken: (words) => `event: content_block_delta\ndata: {"type": ${words} this is not json\n\n`,
	noise: () => [messages.event('ping'), ': keep-alive\n\n', messages.event('ping'), ':\n\n'],
	tool(a, name, args) {
		a.raw(messages.event('content_block_start', { index: 1, content_block: { type: 'tool_use', id: 'toolu_1', name, input: {} } }));
		a.raw(messages.event('content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: args } }));
		messages.finish(a, 'tool_calls');
		messages.done(a);
	},
	errors: {
		rate: ['rate_limit_error', 'This request would exceed your rate limit'], overloaded: ['overloaded_error', 'Overloaded'],
		server: ['api_error', 'Internal server error'], context: ['invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'],
		policy: ['invalid_request_error', 'Output blocked by content filtering policy'], access: ['authentication_error', 'invalid x-api-key'],
		quota: ['invalid_request_error', 'You have reached your specified API usage limits. You will regain access on 2099-01-01 at 00:00 UTC.'],
		gone: ['not_found_error', 'model: gone'], prefill: ['invalid_request_error', 'This model does not support assistant message prefill.'],
	},
	error: (kind, words) => ({ type: 'error', error: { type: messages.errors[kind][0], message: `${messages.errors[kind][1]} ${words}` }, request_id: 'req_1' }),
	inband: (kind, words, named) => sse(named ? 'error' : '', messages.error(kind, words)),
	last(ask) {
		const last = ask.messages?.at(-1) ?? {};
		return { ...last, content: Array.isArray(last.content) ? last.content.map((block) => block.text).join('') : last.content };
	},
	results: (ask) => since(blocks(ask), (b) => b.role === 'user' && b.type === 'text', (b) => b.type === 'tool_result', (b) => b.content),
	// The API's own rules about tools, in the words of a refusal; undefined: nothing is wrong.
	refusal(ask) {
		const used = blocks(ask).filter((b) => b.type === 'tool_use'), brought = blocks(ask).filter((b) => b.type === 'tool_result');
		if (used.length + brought.length > 0 && !ask.tools?.length)
			return 'Requests which include `tool_use` or `tool_result` blocks must define tools.';
		if (used.some((u) => !brought.some((b) => b.tool_use_id === u.id)) || brought.some((b) => !used.some((u) => u.id === b.tool_use_id)))
			return 'Each `tool_use` block must have a corresponding `tool_result` block in the next message.';
		return new Set(ask.tools?.map((tool) => tool.name)).size < (ask.tools?.length ?? 0) ? 'tools: Tool names must be unique.' : undefined;
	},
};

export const WIRES = { chat, responses, ollama, messages };

// Which wire a path asks for; undefined: none.
export function wireOf(url) {
	const path = url.split('?')[0];
	if (path.endsWith('/chat/completions'))
		return chat;
	if (path.endsWith('/responses'))
		return responses;
	if (path.endsWith('/api/chat'))
		return ollama;
	return path.endsWith('/messages') ? messages : undefined;
}
